"""Every algorithm on the noisy problem, at equal tokens, over seeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.tuner.comparing import mean_interval
from benchmarks.tuner.noisy import NoisyProblem
from benchmarks.tuner.outcomes import Outcome, outcome
from benchmarks.tuner.searching import FOREVER, Stage, run_search
from proxy.domain import Split
from proxy.policy.schema import PASSTHROUGH
from tuner.algorithms import ALGORITHMS
from tuner.nursery import Nursery
from tuner.pools import Pools
from tuner.presets import Preset, Rung
from tuner.record import Record
from tuner.search import generator

PRESET = Preset(
    name="noisy", population=24, offspring=24, generations=500, max_tokens=64,
    first=(Rung(8, 8), Rung(8, 8)), second=(Rung(20, 20), Rung(20, 20)), elites=4, finalists=6,
    validation=(Rung(120, 120), Rung(120, 120)), test=(Rung(400, 400), Rung(400, 400)),
    search_s=FOREVER, total_s=2 * FOREVER, patience=500,
)  # fmt: skip
"""Plain searches spend 40 prompts a candidate; a race spends 16, 40, and 16 more at a time."""


@dataclasses.dataclass(frozen=True, slots=True)
class Reported:
    """A run's figures for the policy it put first, minus the truth; shares of answers.

    Args:
        search: harmful rate on the search split, which is never reported as a result.
        validation: on the split that it was picked by.
        test: on the split that is reported.
        qualified: whether the pick rule took it.
    """

    search: float
    validation: float
    test: float
    qualified: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Trial:
    """One algorithm on one problem."""

    algorithm: str
    seed: int
    outcome: Outcome
    reported: Reported


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
    found = outcome(record, problem.truth, tokens=tokens, limits=PRESET.limits)
    return Trial(name, seed, found, _reported(record, problem))


def _reported(record: Record, problem: NoisyProblem) -> Reported:
    validation, tested = record.find("validation") or {}, record.find("test") or {}
    key = tested["key"]
    truth = problem.truth(record.genome(key)).harmful
    in_test = tested["tuned"]["harmful"]["value"]
    measured = validation["finalists"][key]["measured"]["harmful"]["value"]
    return Reported(
        search=in_test - tested["optimism"]["gap"] - truth,
        validation=measured - truth,
        test=in_test - truth,
        qualified=validation["chosen"] is not None,
    )


def gaps(trials: Sequence[Trial]) -> dict[str, Any]:
    """How far reported figures are from the truth, an algorithm; in shares of answers."""
    by_name: dict[str, list[Reported]] = {}
    for trial in trials:
        by_name.setdefault(trial.algorithm, []).append(trial.reported)
    return {
        name: {
            **{
                split: mean_interval([float(getattr(one, split)) for one in found])
                for split in ("search", "validation", "test")
            },
            "qualified": sum(one.qualified for one in found),
        }
        for name, found in by_name.items()
    }


def printed(gaps: Mapping[str, Any]) -> str:
    """A table for a terminal."""
    lines = [
        "",
        "Harmful rate of the policy put first, reported minus true, points",
        f"{'':15}{'search (not a result)':26}{'validation':26}test (reported)",
    ]
    for name, one in gaps.items():
        cells = "".join(f"{_points(one[split]):26}" for split in ("search", "validation", "test"))
        lines.append(f"{name:15}{cells}".rstrip())
    return "\n".join(lines) + "\n"


def _points(found: Mapping[str, Any]) -> str:
    low, high = (found["mean"] if found[end] is None else found[end] for end in ("low", "high"))
    return f"{100 * found['mean']:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"
