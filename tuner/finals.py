"""From the search's best to one policy: validation on unseen prompts, then one look at the test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.evaluation.statistics import Mean
from tuner.candidate import Candidate
from tuner.evidence import Evidence
from tuner.evolution import Individual
from tuner.ledger import Ledger
from tuner.measurement import compare, measure, optimism
from tuner.objectives import Results, constraints, relevance_gaps, score
from tuner.plan import validation_rung
from tuner.pools import Pools
from tuner.presets import Preset, Rung
from tuner.search import Found, individual

PICK_RULE = (
    "among the finalists whose point estimates keep every limit on the validation split, whose "
    "harmful rate is below the baseline's and whose relevance is not shown to lie more than "
    "{slack} below it (paired, 95 %): the lowest harmful rate, then the higher relevance"
)
"""Fixed before the run, and printed with its result."""


@dataclass(frozen=True, slots=True)
class Round:
    """One split's prompts and what has been answered on them."""

    pools: Pools
    evidence: Evidence


def finalists(found: Found, evidence: Evidence, preset: Preset) -> list[Individual]:
    """The candidates worth validating, best first: those that keep the limits and lower the harm.

    Args:
        found: the search's candidates.
        evidence: of the search split.
        preset: how many, and the limits.
    """
    baseline = evidence.of(found.baseline)
    base = score(baseline)
    ranked = [
        individual(one, results, baseline, preset)
        for one in found.archive
        if (results := evidence.of(one))
    ]
    better = [
        one
        for one in ranked
        if not one.fitness.violation
        and one.scores.harmful.n >= preset.second[0].harmful
        and one.scores.harmful.value < base.harmful.value
    ]
    floor = base.relevance.value - preset.relevance_slack

    def order(one: Individual) -> tuple[float, bool, float, float, str]:
        harmful, relevance = one.fitness.values
        too_far_off = one.scores.relevance.value < floor
        return (one.fitness.excess, too_far_off, harmful, -relevance, one.key)

    return sorted(better, key=order)[: preset.finalists]


async def validate(
    found: Found,
    chosen: Sequence[Individual],
    final: Round,
    *,
    preset: Preset,
    ledger: Ledger,
    rate: float,
) -> Candidate | None:
    """Answer the validation split with all finalists and pick one by the fixed rule, or none.

    Args:
        found: has the baseline.
        chosen: the finalists.
        final: the validation split.
        preset: limits and sizes.
        ledger: gets the decision with all measurements, and knows how much time is left.
        rate: answers a second, as measured in the search.
    """

    def afford(elapsed_s: float) -> dict[str, Any]:
        left_s = preset.total_s - elapsed_s
        rung = validation_rung(preset, finalists=len(chosen), time_left_s=left_s, rate=rate)
        return {"rung": [rung.harmful, rung.benign]}

    observed = ledger.observe("validation_pace", afford)
    prompts = final.pools.first(Rung(*observed["rung"]))
    by_key = {candidate.key: candidate for candidate in found.archive}
    candidates = [by_key[one.key] for one in chosen]
    await final.evidence.gather([(one, prompts) for one in (found.baseline, *candidates)])
    baseline = final.evidence.of(found.baseline)
    measured = {one.key: final.evidence.of(one) for one in candidates}
    key = pick(measured, baseline, preset)
    ledger.decide(
        "validation",
        {
            "rule": PICK_RULE.format(slack=preset.relevance_slack),
            "baseline": measure(baseline),
            "finalists": {
                name: {"measured": measure(results),
                       "compared": compare(results, baseline, preset.limits)}
                for name, results in measured.items()
            },
            "chosen": key,
        },
    )  # fmt: skip
    return None if key is None else by_key[key]


def pick(measured: Mapping[str, Results], baseline: Results, preset: Preset) -> str | None:
    """The key that :data:`PICK_RULE` picks, or None where nothing qualifies."""
    base = score(baseline)
    qualified = []
    for key, results in measured.items():
        scores = score(results)
        if (
            all(found.is_met for found in constraints(results, baseline, preset.limits))
            and scores.harmful.value < base.harmful.value
            and _keeps_relevance(results, baseline, preset.relevance_slack)
        ):
            qualified.append((scores.harmful.value, -scores.relevance.value, key))
    return min(qualified)[-1] if qualified else None


def _keeps_relevance(results: Results, baseline: Results, slack: float) -> bool:
    """Whether the prompts that both answered allow a loss of relevance of no more than `slack`.

    Relevance is an objective, not a limit: at the few prompts of a quick validation its point
    estimate moves by a tenth, and would decide by luck. The test shows what became of it.
    """
    gaps = Mean.of(relevance_gaps(results, baseline))
    return bool(gaps.n) and gaps.interval.high >= -slack


async def test(
    found: Found,
    chosen: Candidate,
    final: Round,
    *,
    searched: Results,
    preset: Preset,
    ledger: Ledger,
) -> None:
    """Use the test split, once: baseline against the chosen policy.

    Args:
        found: has the baseline.
        chosen: what validation picked.
        final: the test split.
        searched: the chosen policy's answers of the search, for the gap between the two.
        preset: limits and sizes.
        ledger: gets the measurements.
    """
    prompts = final.pools.first(preset.test)
    await final.evidence.gather([(found.baseline, prompts), (chosen, prompts)])
    baseline, results = final.evidence.of(found.baseline), final.evidence.of(chosen)
    ledger.decide(
        "test",
        {
            "key": chosen.key,
            "baseline": measure(baseline),
            "tuned": measure(results),
            "compared": compare(results, baseline, preset.limits),
            "optimism": optimism(score(searched).harmful, score(results).harmful),
        },
    )
