"""The search, told as a search."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.tuner.report.conftest import cut
from tests.tuner.toy import toy_suite
from tuner.report.course import course
from tuner.report.document import as_document
from tuner.report.facts import Facts


def written(document: dict[str, Any]) -> str:
    """All sections."""
    return "\n".join(course(document))


def test_every_chart_of_the_search_says_that_it_is_no_result(document: dict[str, Any]) -> None:
    """Progress, candidates, importance."""
    for name in ("hypervolume", "parallel", "importance"):
        (found,) = [one for one in course(document) if f'id="{name}"' in one]
        assert "They are no results" in found


def test_an_ablation_without_answers_is_not_drawn(document: dict[str, Any]) -> None:
    """It says what is missing."""
    document["ablation"] |= {"steps": [], "is_whole": False, "missing": 9}
    page = written(document)
    assert 'data-figure="ablation"' not in page
    assert "A whole path needs up to 9 more of them" in page
    assert "guardtune tune ablate" in page


def test_an_ablation_on_search_prompts_says_that_it_is_no_result(
    document: dict[str, Any],
) -> None:
    """Where only the table of what the best is without a gene has figures, too."""
    measured = document["baseline"]
    document["ablation"] |= {"steps": [], "alone": {"stance": measured}, "split": "search"}
    (found,) = [one for one in course(document) if 'id="ablation"' in one]
    assert "the best without" in found
    assert found.count("They are no results") == 1


def test_the_family_is_told_with_what_each_step_changed(document: dict[str, Any]) -> None:
    """Words gone and words new."""
    tree = document["genealogy"]["tree"][:1]
    document["genealogy"]["tree"] = tree
    assert "The policy is a founder." in written(document)
    document["genealogy"]["tree"] = tree * 3
    page = written(document)
    assert "The 3 ancestors" in page
    assert "<ins>" in page
    assert "for ranking only" in page


def test_a_journal_without_parents_says_so(facts: Facts) -> None:
    """Nothing is invented."""
    decisions = tuple(
        replace(one, body={k: v for k, v in one.body.items() if k != "origins"})
        for one in facts.record.decisions
    )
    old = Facts(replace(facts.record, decisions=decisions), facts._store, facts.preset, toy_suite())
    assert "a version that kept no parents" in written(as_document(old))


def test_too_few_candidates_have_no_importance(document: dict[str, Any]) -> None:
    """And no chart of it."""
    document["importance"] |= {"harmful": [], "relevance": [], "n": 12}
    page = written(document)
    assert "12 candidates answered enough to be ranked; with fewer than 20" in page
    assert 'data-figure="importance"' not in page


def test_health_says_what_the_judge_left_unscored_and_why(document: dict[str, Any]) -> None:
    """A judge that was down looks like a bad search otherwise."""
    assert "unscored, because" not in written(document)
    document["health"]["unscored"] = {"no answer in 5 s": 30, "not English": 2}
    page = written(document)
    assert "no answer in 5 s" in page
    assert "left unscored by the judge</th><td>32<" in page


def test_health_tells_answers_that_failed_from_attempts(document: dict[str, Any]) -> None:
    """An attempt that failed may have been repeated."""
    document["health"] |= {"failed": 1, "failed_attempts": 3, "errors": {"timeout": 3}}
    page = written(document)
    assert "failed, and counted as unscored</th><td>1<" in page
    assert "attempts that failed</th><td>3<" in page


def test_a_run_that_has_only_started_shows_its_health(facts: Facts) -> None:
    """And that there is nothing to draw yet."""
    page = written(as_document(cut(facts, "generation")))
    assert "No generation has ended yet" in page
    assert "answers counted" in page
