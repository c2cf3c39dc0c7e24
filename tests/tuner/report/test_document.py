"""Everything a page shows, as JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from tests.tuner.report.conftest import cut
from tuner.report.document import RANKED, as_document
from tuner.report.facts import Facts, reported

LOOPING = ("repeat_penalty", 0.8)
"""What makes the toy loop on every second prompt."""


def test_it_is_json_and_holds_no_prompt(document: dict[str, Any]) -> None:
    """Prompts of the toy read `harmful request …`; ids have dashes."""
    text = json.dumps(document, allow_nan=False)
    assert "harmful request" not in text
    assert json.loads(text)["key"] == document["result"]["test"]["key"]


def test_prompts_are_in_it_when_asked_for(facts: Facts) -> None:
    """Of the prompts on which the two differ."""
    assert "harmful request test" in json.dumps(as_document(facts, with_texts=True))


def test_the_test_split_is_reported_and_before_it_validation(facts: Facts) -> None:
    """And nothing at all while only the search has run: its figures are no results."""
    shown = reported(facts)
    assert shown is not None
    assert shown.split == "test"
    assert len(shown.baseline) == len(shown.tuned) == 80
    validated = reported(cut(facts, "test"))
    assert validated is not None
    assert validated.split == "validation"
    searching = cut(facts, "validation")
    assert reported(searching) is None
    document = as_document(searching)
    assert (document["split"], document["contrast"]) == (None, None)
    assert document["key"] is not None


def test_importance_knows_its_n(document: dict[str, Any]) -> None:
    """Candidates, and the mean on every value of every gene."""
    found = document["importance"]
    assert found["n"] == 26
    genes = {one["gene"] for one in found["values"]}
    for name in RANKED:
        assert {one["gene"] for one in found[name]} == genes
    (loops,) = (one for one in found["values"] if (one["gene"], one["value"]) == LOOPING)
    assert loops["degenerate"] > 0.2
    assert found["degenerate"][0]["gene"] == "repeat_penalty"
    for gene in ("stance", "top_k"):
        assert sum(o["candidates"] for o in found["values"] if o["gene"] == gene) == 26


def test_the_judges_errors_and_the_second_judge_stand_beside_the_rates(
    document: dict[str, Any],
) -> None:
    """Both policies, both ways."""
    judge = document["judge"]
    assert judge["card"]["corrected"].keys() == judge["second"]["policies"].keys()
    assert judge["second"]["id"] == "doubter-1"


def test_a_run_that_has_only_started_has_a_document(facts: Facts) -> None:
    """For a page that fills while the search runs."""
    document = as_document(cut(facts, "generation"))
    assert document["trials"] == []
    assert (document["ablation"], document["genealogy"], document["policy"]) == (None, None, None)


def test_a_space_of_the_users_own_has_to_be_given_again(facts: Facts) -> None:
    """A record of before it was kept says so by another text than the library's."""
    for is_own, is_told in ((True, True), (False, False), (None, True)):
        config = {**facts.record.run.config, "is_own_space": is_own}
        facts.record = replace(facts.record, run=replace(facts.record.run, config=config))
        assert ("--space" in as_document(facts)["given"]) is is_told


def test_a_writer_has_to_be_given_again(facts: Facts) -> None:
    """Its name says neither where it is served nor what its file holds."""
    assert "--writer" not in as_document(facts)["given"]
    config = {**facts.record.run.config, "writer": {"backend": "scripted", "name": "pen"}}
    run = replace(facts.record.run, config=config)
    facts.record = replace(facts.record, run=run)
    assert "--writer" in as_document(facts)["given"]
