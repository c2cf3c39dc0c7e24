"""How a run stands, as figures for Prometheus: from its journal and from what it has stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from proxy.evaluation.statistics import Rate
from proxy.evaluation.store import Written
from tuner.presets import PRESETS
from tuner.record import Record
from tuner.report.hypervolume import by_generation

STAGES = ("search", "validation", "test", "finished")


@dataclass(frozen=True, slots=True)
class Spec:
    """One metric.

    Args:
        name: as in Prometheus.
        help: one sentence; it says where a figure is of the search split.
        labels: beside ``run``.
        kind: what it is.
    """

    name: str
    help: str
    labels: tuple[str, ...] = ()
    kind: Literal["gauge", "counter"] = "gauge"


INFO = Spec(
    "guardtune_tune_info", "1 for the run.", ("preset", "model", "judge", "algorithm")
)  # fmt: skip
STAGE = Spec("guardtune_tune_stage", f"1 for what is being done: {', '.join(STAGES)}.", ("stage",))
GENERATION = Spec("guardtune_tune_generation", "The generation being tried; 0 is the founders.")
GENERATIONS = Spec("guardtune_tune_generations", "The last generation if nothing stops it earlier.")
CANDIDATES = Spec("guardtune_tune_candidates", "Candidates that finished generations have tried.")
DROPPED = Spec(
    "guardtune_tune_dropped_total",
    "Candidates that the race dropped, by why.",
    ("reason",),
    "counter",
)
HYPERVOLUME = Spec(
    "guardtune_tune_hypervolume",
    "Share of harmful rate and relevance that the last generation's feasible survivors dominate, "
    "on the search split; `bounds` is pessimistic, as the search compares, or raw.",
    ("bounds",),
)
BEST = Spec(
    "guardtune_tune_best_harmful_ratio",
    "Harmful share of the feasible survivor whose upper end is lowest, on the search split: for "
    "ranking only, and no result.",
)
BEST_UPPER = Spec(
    "guardtune_tune_best_harmful_upper95", "Its Wilson 95 % interval: upper end; search split."
)
BEST_N = Spec("guardtune_tune_best_n", "Scored answers behind that share; search split.")
ANSWERS = Spec(
    "guardtune_tune_answers_total", "Answers since the run began, by how they ended: answered or "
    "failed.", ("result",), "counter",
)  # fmt: skip
TOKENS = Spec(
    "guardtune_tune_tokens_total", "Tokens generated since the run began.", kind="counter"
)
COUNTED = Spec(
    "guardtune_tune_tokens_counted",
    "Tokens that the search had counted when its last generation ended, those of stored answers "
    "included: what `--tokens` limits.",
)
BUDGET = Spec("guardtune_tune_tokens_budget", "What `--tokens` said; absent where it said nothing.")
LEFT = Spec("guardtune_tune_seconds_left", "Seconds until the time that the whole run aims at.")

CATALOGUE = (
    INFO, STAGE, GENERATION, GENERATIONS, CANDIDATES, DROPPED, HYPERVOLUME, BEST, BEST_UPPER,
    BEST_N, ANSWERS, TOKENS, COUNTED, BUDGET, LEFT,
)  # fmt: skip
"""Every metric of a run; each has the label ``run``."""

_HEAD = """
## A tuner run

`guardtune tune run --metrics-port PORT` shows these on `127.0.0.1` while it goes on; see
[the tuner](tuner.md). They come from `tuner/metrics.py`.

| metric | type | labels | meaning |
|---|---|---|---|"""

Figure = tuple[Spec, tuple[str, ...], float]
"""A metric, its label values beside the run, and its value."""


def figures(record: Record, written: Sequence[Written], *, elapsed_s: float) -> Iterator[Figure]:
    """Everything there is to say of a run so far; what is not known yet is left out.

    Args:
        record: of the run.
        written: what has been stored since it began.
        elapsed_s: seconds that it has worked.
    """
    config, preset = record.config, PRESETS[record.config.preset]
    model = str(config.model["name"])
    yield INFO, (config.preset, model, config.judge, config.algorithm), 1.0
    stage = _stage(record)
    yield from ((STAGE, (name,), float(name == stage)) for name in STAGES)
    yield GENERATIONS, (), preset.generations
    yield LEFT, (), max(0.0, preset.total_s - elapsed_s)
    if config.tokens is not None:
        yield BUDGET, (), config.tokens
    yield from _of_search(record)
    yield from _of_answers(written)


def elapsed_s(record: Record) -> float:
    """Seconds of work when the run last wrote down a time; 0 before it did."""
    times = (one.body["elapsed_s"] for one in record.decisions if "elapsed_s" in one.body)
    return float(max(times, default=0.0))


def _stage(record: Record) -> str:
    """By what has been decided; a run that is over has no stage but the last."""
    if record.is_finished:
        return "finished"
    if record.find("validation") is not None:
        return "test"
    return "search" if record.find("search_ended") is None else "validation"


def _of_search(record: Record) -> Iterator[Figure]:
    begun = sum(one.kind == "pace" for one in record.decisions)
    if begun:
        yield GENERATION, (), begun - 1
    generations = [one.body for one in record.decisions if one.kind == "generation"]
    yield CANDIDATES, (), len({key for body in generations for key in body["candidates"]})
    yield from ((DROPPED, (why,), n) for why, n in record.dropped.items())
    if volumes := by_generation(record):
        for bounds in ("pessimistic", "raw"):
            if (value := volumes[-1][bounds]) is not None:
                yield HYPERVOLUME, (bounds,), value
        if (tokens := volumes[-1]["tokens"]) is not None:
            yield COUNTED, (), tokens
    if generations:
        yield from _of_best(generations[-1]["survivors"])


def _of_best(survivors: Sequence[Mapping[str, Any]]) -> Iterator[Figure]:
    feasible = [Rate(*one["harmful"]) for one in survivors if not one["violation"]]
    best = min(
        (rate for rate in feasible if rate.n), key=lambda rate: rate.interval.high, default=None
    )
    if best is not None:
        yield BEST, (), best.value
        yield BEST_UPPER, (), best.interval.high
        yield BEST_N, (), best.n


def _of_answers(written: Sequence[Written]) -> Iterator[Figure]:
    failed = sum(one.error is not None for one in written)
    yield ANSWERS, ("answered",), len(written) - failed
    yield ANSWERS, ("failed",), failed
    yield TOKENS, (), sum(one.completion_tokens or 0 for one in written)


def markdown() -> str:
    """The section of `docs/metrics.md` about them."""
    rows = [
        f"| `{spec.name}` | {spec.kind} | {_labels(spec)} | {spec.help} |" for spec in CATALOGUE
    ]
    return "\n".join([_HEAD, *rows]) + "\n"


def _labels(spec: Spec) -> str:
    return ", ".join(f"`{name}`" for name in ("run", *spec.labels))
