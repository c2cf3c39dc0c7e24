"""Why one finalist was picked, or none."""

from __future__ import annotations

import copy
from typing import Any

from tests.tuner.report.conftest import cut
from tuner.report.document import as_document
from tuner.report.facts import Facts
from tuner.report.pick import pick


def test_each_finalist_says_how_it_stands(document: dict[str, Any]) -> None:
    """By the rule that was fixed beforehand; one is picked."""
    page = str(pick(document))
    validation = document["result"]["validation"]
    assert validation["rule"].split(":")[0] in page.replace("&#x27;", "'")
    for key, one in validation["finalists"].items():
        (row,) = (row for row in page.split("<tr>") if key in row)
        assert f"{100 * one['standing']['keeps_over_refusal']:.0f} %" in row
        assert f"{one['standing']['promise']:.3f}" in row
        assert (">picked<" in row) is (key == validation["chosen"])


def test_what_a_run_of_before_did_not_write_down_is_not_made_up(document: dict[str, Any]) -> None:
    """And what was tested for want of a better one is no pick."""
    old = copy.deepcopy(document)
    validation = old["result"]["validation"]
    validation["chosen"] = None
    for one in validation["finalists"].values():
        del one["standing"]
        one["compared"]["relevance"]["gap"] = None
        one["compared"]["limits"][0] |= {"is_met": False, "value": None}
    page = str(pick(old))
    assert page.count("not recorded") == 2 * len(validation["finalists"])
    assert page.count("not measured") >= len(validation["finalists"])
    assert page.count("tested, not picked") == 1
    assert ">picked<" not in page


def test_before_validation_there_is_nothing_to_say(facts: Facts) -> None:
    """A running search."""
    assert "Nothing has been validated yet" in str(pick(as_document(cut(facts, "validation"))))
