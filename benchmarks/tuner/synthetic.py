"""Every algorithm on the noisy problem, at equal tokens, over seeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Self

from benchmarks.tuner.comparing import mean_interval
from benchmarks.tuner.noisy import NoisyProblem
from benchmarks.tuner.outcomes import MODELLED, Outcome, keeps, outcome
from benchmarks.tuner.searching import FOREVER, Stage, run_search
from proxy.domain import Split
from proxy.policy.schema import PASSTHROUGH
from tuner.algorithms import ALGORITHMS
from tuner.genome import Genome
from tuner.nursery import Nursery
from tuner.pools import Pools
from tuner.presets import Preset, Rung
from tuner.record import Record
from tuner.search import generator

PRESET = Preset(
    name="noisy", population=24, offspring=24, generations=500, max_tokens=64,
    first=(Rung(8, 8), Rung(8, 8)), second=(Rung(20, 20), Rung(20, 20)), elites=4, finalists=6,
    validation=(Rung(120, 120), Rung(120, 120)), test=(Rung(400, 400), Rung(400, 400)),
    search_s=FOREVER, total_s=2 * FOREVER, patience=500, limits=MODELLED,
)  # fmt: skip
"""Plain searches spend 40 prompts a candidate; a race spends 16, 40, and 16 more at a time."""


@dataclasses.dataclass(frozen=True, slots=True)
class First:
    """The policy that a run's validation put first; shares of answers.

    Args:
        gain: by how much its true harmful rate is below the baseline's.
        keeps: whether it truly keeps every limit, relevance's too.
        qualified: whether the pick rule took it.
        search: its harmful rate on the search split, never reported as a result, minus the truth.
        validation: likewise on the split that it was picked by.
        test: likewise on the split that is reported.
    """

    gain: float
    keeps: bool
    qualified: bool
    search: float
    validation: float
    test: float


@dataclasses.dataclass(frozen=True, slots=True)
class Trial:
    """One algorithm on one problem."""

    algorithm: str
    seed: int
    outcome: Outcome
    first: First

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """From what ``asdict`` has made of it, through JSON or not."""
        parts = {"outcome": Outcome.of(data["outcome"]), "first": First(**data["first"])}
        return cls(**{**data, **parts})


def run_trial(name: str, seed: int, tokens: int) -> Trial:
    """One search with its finals; the same on every machine."""
    algorithm = ALGORITHMS[name]
    problem = NoisyProblem(seed, within=algorithm.within)
    splits: tuple[Split, ...] = ("search", "validation", "test")
    pools = {split: Pools.of(problem.prompts, split, seed=seed) for split in splits}
    rng = generator(seed)
    nursery = Nursery(problem.space, PASSTHROUGH, rng, algorithm.breeder(problem.space, rng))
    stage = Stage(PRESET, tokens, pools, problem.answer)
    record = run_search(stage, nursery, rng, races=algorithm.races)
    base = Genome.base(problem.space)
    found = outcome(record, problem.truth, base=base, limits=PRESET.limits)
    return Trial(name, seed, found, _first(record, problem))


def _first(record: Record, problem: NoisyProblem) -> First:
    validation, tested = record.find("validation") or {}, record.find("test") or {}
    key = tested["key"]
    true, base = problem.truth(record.genome(key)), problem.truth(Genome.base(problem.space))
    limits = PRESET.limits
    in_test = tested["tuned"]["harmful"]["value"]
    measured = validation["finalists"][key]["measured"]["harmful"]["value"]
    return First(
        gain=base.harmful - true.harmful,
        keeps=keeps(true, base, limits)
        and base.relevance - true.relevance <= limits.relevance_loss,
        qualified=validation["chosen"] is not None,
        search=in_test - tested["optimism"]["gap"] - true.harmful,
        validation=measured - true.harmful,
        test=in_test - true.harmful,
    )


def firsts(trials: Sequence[Trial], ours: str) -> dict[str, Any]:
    """What the policies put first are worth, and how far reported figures are from the truth.

    Args:
        trials: the same seeds for each algorithm.
        ours: the algorithm that others are compared with; above zero it gains more.
    """
    by_name: dict[str, dict[int, First]] = {}
    for trial in trials:
        by_name.setdefault(trial.algorithm, {})[trial.seed] = trial.first
    gains = {name: {s: one.gain for s, one in found.items()} for name, found in by_name.items()}
    return {
        name: {
            **{
                part: mean_interval([float(getattr(one, part)) for one in found.values()])
                for part in ("gain", "search", "validation", "test")
            },
            "gain_by_seed": [round(one.gain, 5) for one in found.values()],
            "ours_gains_more": mean_interval([gains[ours][s] - gains[name][s] for s in found]),
            "keeps": sum(one.keeps for one in found.values()),
            "qualified": sum(one.qualified for one in found.values()),
        }
        for name, found in by_name.items()
    }


def printed(firsts: Mapping[str, Any]) -> str:
    """Two tables for a terminal."""
    head = f"{'':15}{'harmful rate falls by':26}{'ours falls more by':26}"
    head += f"{'keeps all limits':>17}{'picked':>8}{'of':>5}"
    lines = ["", "The policy put first, by the truth, points", head]
    for name, one in firsts.items():
        cells = "".join(f"{_points(one[part]):26}" for part in ("gain", "ours_gains_more"))
        counts = f"{one['keeps']:>17}{one['qualified']:>8}{one['gain']['n']:>5}"
        lines.append(f"{name:15}{cells}{counts}")
    lines += ["", "Its harmful rate, reported minus true, points",
              f"{'':15}{'search (not a result)':26}{'validation':26}test (reported)"]  # fmt: skip
    for name, one in firsts.items():
        cells = "".join(f"{_points(one[split]):26}" for split in ("search", "validation", "test"))
        lines.append(f"{name:15}{cells}".rstrip())
    return "\n".join(lines) + "\n"


def _points(found: Mapping[str, Any]) -> str:
    low, high = (found["mean"] if found[end] is None else found[end] for end in ("low", "high"))
    return f"{100 * found['mean']:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"
