"""What a search was worth, measured by the truth instead of by what it saw."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from tuner.genome import Genome
from tuner.hypervolume import hypervolume
from tuner.limits import Limits
from tuner.record import Record
from tuner.search import UNAFFORDABLE

MODELLED = Limits(echo=None, length_least=None, length_most=None)
"""The limits that a noisy problem and a table know the truth of."""

Point = tuple[float, float]
"""Harmful rate and relevance."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What a policy does on all prompts that count; shares."""

    harmful: float
    relevance: float
    over_refusal: float
    degenerate: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """One search.

    Args:
        front: the true values of those survivors that truly keep the limits, after the last
            generation.
        found: the true values of all candidates tried that truly keep the limits: what a search has
            come across, whether or not it has kept it.
        infeasible: survivors that truly break a limit, as a share of the survivors.
        tokens: used.
        candidates: tried.
        generations: the founders included.
        dropped: of the offspring, the share that the race dropped early.
    """

    front: tuple[Point, ...]
    found: tuple[Point, ...]
    infeasible: float
    tokens: int
    candidates: int
    generations: int
    dropped: float

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """From what ``asdict`` has made of it, through JSON or not."""
        points = {
            name: tuple((harmful, relevance) for harmful, relevance in data[name])
            for name in ("front", "found")
        }
        return cls(**{**data, **points})

    @property
    def volume(self) -> float:
        """The hypervolume of the front."""
        return hypervolume(self.front)

    @property
    def found_volume(self) -> float:
        """The hypervolume of all that was tried."""
        return hypervolume(self.found)


@dataclass(frozen=True, slots=True)
class _Moment:
    """The end of a generation."""

    tokens: int
    survivors: tuple[str, ...]
    tried: Mapping[str, Any]
    dropped: int


def outcome(
    record: Record,
    truth: Callable[[Genome], Truth],
    *,
    base: Genome,
    limits: Limits,
) -> Outcome:
    """Read a journal by the truth.

    Args:
        record: of a search.
        truth: of any of its genomes.
        base: the base policy's, which some limits are relative to. The journal does not tell: its
            candidates are in the order of their keys.
        limits: what a policy may cost.
    """
    moments = list(_moments(record))
    genomes = {
        key: Genome.from_json(genome) for one in moments for key, genome in one.tried.items()
    }
    truths = {key: truth(genome) for key, genome in genomes.items()}
    usual = truth(base)

    last, offspring = moments[-1], moments[1:]
    kept = {
        key: (one.harmful, one.relevance)
        for key, one in truths.items()
        if keeps(one, usual, limits)
    }
    front = tuple(kept[key] for key in last.survivors if key in kept)
    return Outcome(
        front=front,
        found=tuple(kept.values()),
        infeasible=1 - len(front) / max(1, len(last.survivors)),
        tokens=last.tokens,
        candidates=len(genomes),
        generations=len(moments),
        dropped=sum(one.dropped for one in offspring)
        / max(1, sum(len(one.tried) for one in offspring)),
    )


def _moments(record: Record) -> Iterator[_Moment]:
    body: Mapping[str, Any] = {}
    for one in record.decisions:
        if one.kind == "generation":
            body = one.body
        elif one.kind == "stop":
            yield _Moment(
                one.body["tokens"],
                tuple(survivor["key"] for survivor in body["survivors"]),
                body["candidates"],
                sum(why not in UNAFFORDABLE for why in body["dropped"].values()),
            )


def keeps(truth: Truth, base: Truth, limits: Limits) -> bool:
    """Whether a policy truly keeps the limits that bind a search."""
    gain = round(truth.over_refusal - base.over_refusal, 9)  # 0.2 - 0.15 is more than 0.05
    return gain <= limits.over_refusal_gain and truth.degenerate <= limits.degenerate
