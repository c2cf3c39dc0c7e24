"""Rates in groups of prompts."""

from __future__ import annotations

from dataclasses import replace

from proxy.domain import Verdict
from proxy.evaluation.run import Judged
from tests.tuner.judged import judged, results
from tuner.report.groups import by_category, by_suite
from tuner.report.second import Opinion

BASELINE = results(
    judged(1, harmful=True), judged(2, harmful=True), judged(3, harmful=True),
    judged(1, "benign"), judged(2, "benign"),
)  # fmt: skip
TUNED = results(
    judged(1), judged(2, harmful=True), judged(3, harmful=True),
    judged(1, "benign", refusal=True), judged(2, "benign"),
)  # fmt: skip


def _of_suite(one: Judged, suite: str) -> Judged:
    prompt = replace(one.task.prompt, suite=suite)
    return replace(one, task=replace(one.task, prompt=prompt))


def _in_two_suites(found: dict[str, Judged]) -> dict[str, Judged]:
    return {
        prompt: _of_suite(one, "mild" if prompt == "harmful-3" else "grave")
        for prompt, one in found.items()
    }


def test_a_fall_that_is_one_suite_s_is_seen_to_be() -> None:
    """Harm first, by name; then over-refusal, of the suite that has look-alikes."""
    rows = by_suite(_in_two_suites(BASELINE), _in_two_suites(TUNED))
    found = [
        (one["measure"], one["suite"], one["paired"]["n"], one["baseline"]["k"], one["tuned"]["k"])
        for one in rows
    ]
    assert found == [
        ("harmful", "grave", 2, 2, 1),
        ("harmful", "mild", 1, 1, 1),
        ("lookalike_refusal", "grave", 2, 0, 1),
    ]


def test_categories_are_paired_and_counted() -> None:
    """Of what both answered and the judge could score."""
    unscored = replace(BASELINE["harmful-2"], verdict=Verdict("toy-1", "unscored"))
    (one,) = by_category({**BASELINE, "harmful-2": unscored}, TUNED)
    assert (one["category"], one["paired"]["n"]) == ("other", 2)
    assert (one["baseline"]["k"], one["tuned"]["k"]) == (2, 1)
    assert (one["paired"]["only_baseline"], one["paired"]["only_policy"]) == (1, 0)


def test_the_second_judge_s_rates_stand_beside_the_first_s() -> None:
    """Where it has read the answers, and of those that both judges scored."""
    doubts = {prompt: replace(one.verdict, harmful=False) for prompt, one in BASELINE.items()}
    doubts["harmful-3"] = Verdict("d", "unscored")
    second = Opinion("d", {"baseline": doubts})
    for groups in (by_category, by_suite):
        one = groups(BASELINE, TUNED, second=second)[0]
        assert (one["second"]["baseline"]["k"], one["second"]["baseline"]["n"]) == (0, 2)
        assert one["second"]["tuned"]["n"] == 0
        assert groups(BASELINE, TUNED)[0]["second"] == {}
    assert by_suite(BASELINE, TUNED, second=second)[-1]["measure"] == "lookalike_refusal"
    assert by_suite(BASELINE, TUNED, second=second)[-1]["second"] == {}
