"""Suites and categories on the page."""

from __future__ import annotations

from proxy.evaluation.markup import join
from tests.tuner.judged import judged, results
from tuner.report.breakdown import breakdown
from tuner.report.contrast import contrast
from tuner.report.second import Opinion

BASELINE = results(judged(1, harmful=True), judged(2, harmful=True), judged(1, "benign"))
TUNED = results(judged(1), judged(2, harmful=True), judged(1, "benign", refusal=True))


def _sections(second: Opinion | None = None) -> tuple[str, str]:
    found = contrast(BASELINE, TUNED, second=second, with_texts=False)
    page = join(list(breakdown({"split": "test", "contrast": found})))
    suites, _, categories = page.partition('<section id="categories">')
    return suites, categories


def test_each_suite_has_its_rows() -> None:
    """Harm and over-refusal, each with n, interval and the paired change."""
    suites, categories = _sections()
    _, harm, alike = suites.split("<tr>")[1:]
    assert "2/2 = 100.0 %" in harm
    assert "1/2 = 50.0 %" in harm
    assert "-50.0 [" in harm
    assert "look-alikes" in alike
    assert "+100.0 [" in alike
    assert "second judge" not in suites + categories


def test_the_second_judge_says_nothing_of_refusals() -> None:
    """Its cells are blank there; rows are as long as the head all the same."""
    verdicts = {prompt: one.verdict for prompt, one in BASELINE.items()}
    suites, _ = _sections(Opinion("d", {"baseline": verdicts, "tuned": {}}))
    head, harm, alike = suites.split("<tr>")[1:]
    assert head.count("second judge") == 2
    assert head.count("<th") == 1 + harm.count("<td>") == 1 + alike.count("<td>")
    assert harm.count("2/2 = 100.0 %") == 2
    assert (harm.count("<td></td>"), alike.count("<td></td>")) == (1, 2)
