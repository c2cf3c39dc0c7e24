"""Results, and what is clearly none."""

from __future__ import annotations

from typing import Any

from proxy.evaluation.statistics import Rate
from tests.tuner.report.conftest import cut
from tuner.report.document import as_document
from tuner.report.facts import Facts
from tuner.report.outcome import outcome, unseen
from tuner.report.trials import BEST


def written(document: dict[str, Any]) -> str:
    """All sections."""
    return "\n".join(outcome(document))


def test_headline_figures_are_those_of_the_test_split(document: dict[str, Any]) -> None:
    """With the second judge beside them."""
    page = written(document)
    assert "Test split, used once" in page
    tuned = document["result"]["test"]["tuned"]["harmful"]
    assert f"{tuned['k']}/{tuned['n']} = " in page
    second = document["judge"]["second"]["policies"]
    said = " → ".join(str(Rate(one["k"], one["n"])) for one in
                      (second[side]["second"] for side in ("baseline", "tuned")))  # fmt: skip
    assert f"second judge doubter-1: {said}<" in page
    assert "exact McNemar p = " in page


def test_the_second_judge_s_change_and_categories_stand_beside_the_first_s(
    facts: Facts, document: dict[str, Any]
) -> None:
    """Paired, with interval and p; without a second judge there is no such row or column."""
    page = written(document)
    (row,) = (one for one in page.split("<tr>") if "harmful rate, second judge, points" in one)
    assert "exact McNemar p = " in row
    assert " fixed, " in row
    assert "there are three." in page
    assert "tuned, second judge" in page
    assert "Hollow points are the second judge" in page
    alone = written(as_document(facts))
    assert "second judge, points" not in alone
    assert "there are two." in alone
    assert "tuned, second judge" not in alone
    assert "Hollow points" not in alone


def test_the_mean_length_changes_by_so_much_with_interval(document: dict[str, Any]) -> None:
    """In tokens; one pair has no interval, none has no change."""
    document["contrast"]["tokens_gap"] = {"n": 40, "gap": -12.25, "low": -20.0, "high": -4.5}
    assert "Paired difference: -12.2 [-20.0, -4.5], n = 40." in written(document)
    document["contrast"]["tokens_gap"] = {"n": 1, "gap": 3.0, "low": None, "high": None}
    assert "Paired difference: +3.0, no interval at n = 1." in written(document)
    document["contrast"]["tokens_gap"] = {"n": 0, "gap": None, "low": None, "high": None}
    assert "Paired difference: not measured." in written(document)


def test_search_figures_are_labelled_wherever_they_stand(document: dict[str, Any]) -> None:
    """In the table behind the fronts, in which the baseline stands once a split."""
    page = written(document)
    rows = [one for one in document["trials"] if one["stage"] in BEST and not one["is_baseline"]]
    assert len(rows) == sum(one["is_best"] for one in document["trials"]) - 1
    assert page.count("search, for ranking only") == len(rows) + 1


def test_before_the_test_validation_is_shown_as_such(facts: Facts) -> None:
    """The test split has not been used."""
    page = written(as_document(cut(facts, "test")))
    assert "Validation split; the test split has not been used." in page
    assert "Test split, used once" not in page


def test_one_that_validation_did_not_pick_is_called_that(document: dict[str, Any]) -> None:
    """It was tested all the same."""
    assert "Validation picked nothing" not in written(document)
    document["result"]["chosen"] = None
    assert "Validation picked nothing: this one was put first by its rule all the same." in written(
        document
    )


def test_a_running_search_has_no_result(facts: Facts) -> None:
    """It says so where the figures would be."""
    document = as_document(cut(facts, "validation"))
    assert unseen(document) is None
    page = written(document)
    assert "there is no result to show" in page
    assert "Nothing to test yet" in page
    assert "the gap is not known yet" in page


def test_prompts_are_redacted_by_default(facts: Facts, document: dict[str, Any]) -> None:
    """And shown when the document has them."""
    assert "words, not shown)" in written(document)
    assert "harmful request" not in written(document)
    assert "harmful request test" in written(as_document(facts, with_texts=True))


def test_without_second_judge_or_card_the_page_says_what_is_not_known(facts: Facts) -> None:
    """No silence that reads like agreement."""
    page = written(as_document(facts))
    assert "its disagreement is not known" in page
    assert "its errors are not taken into account" in page


def test_limits_say_what_they_ask_and_a_budget_what_it_cost(document: dict[str, Any]) -> None:
    """Each limit in its own unit; multipliers only where there were any."""
    page = written(document)
    assert "limit on length of benign answers, least" in page
    assert "at least 0.5 times the baseline&#x27;s: kept, shown" in page
    assert "at most 5 points: kept" in page
    compared = document["result"]["test"]["compared"]["limits"]
    compared[0] |= {"is_met": False, "is_shown": False, "is_violated": True}
    assert "at most 5 points: EXCEEDED, shown to be exceeded" in written(document)
    assert "Multipliers" not in page
    document["result"]["multipliers"] = [{"echo": 1.0}, {"degenerate": 0.25, "echo": 1.5}]
    page = written(document)
    assert "Multipliers after each generation (2)" in page
    assert "<td>1.50</td>" in page
