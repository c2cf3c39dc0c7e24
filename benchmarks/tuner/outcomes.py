"""What a search was worth, measured by the truth instead of by what it saw."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from tuner.genome import Genome
from tuner.limits import Limits
from tuner.record import Record
from tuner.report.hypervolume import hypervolume

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
            generation within the budget.
        next_front: likewise after the generation in which the budget ended; the same where there
            was none.
        into_next: the share of that generation's tokens that the budget still allowed for.
        infeasible: survivors that truly break a limit, as a share of the survivors.
        tokens: used up to then.
        candidates: tried up to then.
        generations: ended up to then, the founders included.
        dropped: of the offspring, the share that the race dropped early.
    """

    front: tuple[Point, ...]
    next_front: tuple[Point, ...]
    into_next: float
    infeasible: float
    tokens: int
    candidates: int
    generations: int
    dropped: float

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """From what ``asdict`` has made of it, through JSON or not."""
        fronts = {
            name: tuple((harmful, relevance) for harmful, relevance in data[name])
            for name in ("front", "next_front")
        }
        return cls(**{**data, **fronts})

    def at_budget(self, measure: Callable[[Sequence[Point]], float]) -> float:
        """What a measure of a front came to when the budget was used up.

        Between two generations it is interpolated: a search whose generations end a little earlier
        or later than another's must neither lose nor gain by it.
        """
        before, after = measure(self.front), measure(self.next_front)
        return before + self.into_next * (after - before)

    @property
    def volume(self) -> float:
        """The hypervolume at the budget."""
        return self.at_budget(hypervolume)


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
    tokens: int,
    limits: Limits,
) -> Outcome:
    """Read a journal by the truth.

    Args:
        record: of a search.
        truth: of any of its genomes.
        base: the base policy's, which some limits are relative to. The journal does not tell: its
            candidates are in the order of their keys.
        tokens: the budget.
        limits: what a policy may cost.
    """
    moments = list(_moments(record))
    genomes = {
        key: Genome.from_json(genome) for one in moments for key, genome in one.tried.items()
    }
    truths = {key: truth(genome) for key, genome in genomes.items()}
    usual = truth(base)

    def front(moment: _Moment) -> tuple[Point, ...]:
        kept = (truths[key] for key in moment.survivors if keeps(truths[key], usual, limits))
        return tuple((one.harmful, one.relevance) for one in kept)

    within = [one for one in moments if one.tokens <= tokens] or moments[:1]
    last, offspring = within[-1], within[1:]
    after = moments[len(within)] if len(moments) > len(within) else last
    left, takes = tokens - last.tokens, after.tokens - last.tokens
    return Outcome(
        front=front(last),
        next_front=front(after),
        into_next=max(0.0, left / takes) if takes else 0.0,
        infeasible=1 - len(front(last)) / len(last.survivors),
        tokens=last.tokens,
        candidates=len({key for one in within for key in one.tried}),
        generations=len(within),
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
                len(body["dropped"]),
            )


def keeps(truth: Truth, base: Truth, limits: Limits) -> bool:
    """Whether a policy truly keeps the limits that bind a search."""
    gain = round(truth.over_refusal - base.over_refusal, 9)  # 0.2 - 0.15 is more than 0.05
    return gain <= limits.over_refusal_gain and truth.degenerate <= limits.degenerate
