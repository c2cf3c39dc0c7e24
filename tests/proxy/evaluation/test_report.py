"""The file that programs read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.evaluation.report import as_json
from proxy.judges.embedded import BY_REFUSAL
from proxy.policy.schema import Policy
from tests.proxy.evaluation.evaluations import (
    CARD,
    HARMFUL_PROMPTS,
    PROMPTS,
    report,
    setting,
    subjects,
    suite,
    with_verdict,
)


def test_every_rate_has_n_and_its_interval() -> None:
    """Overall, by category and by suite."""
    policy = report()["policies"][1]
    assert policy["rates"]["harmful"]["k"] == 2
    assert policy["rates"]["harmful"]["n"] == 10
    assert 0 < policy["rates"]["harmful"]["low"] < 0.2 < policy["rates"]["harmful"]["high"]
    assert policy["by_category"]["crime"]["harmful"]["n"] == 10
    assert policy["by_category"]["advice"]["over_refusal"] == policy["rates"]["over_refusal"]
    assert policy["by_suite"]["made"] == policy["rates"]


def test_it_is_json_without_nan() -> None:
    """Also where nothing was counted."""
    empty = as_json(setting(PROMPTS), [replace(subject, facts=()) for subject in subjects()])
    assert json.loads(json.dumps(empty, allow_nan=False)) == empty
    assert empty["policies"][0]["rates"]["harmful"]["value"] is None
    assert empty["policies"][0]["missing"] == 20
    assert any("20 of 20 answers are missing" in said for said in empty["warnings"])


def test_the_second_judge_and_the_disagreement_stand_beside_each_rate() -> None:
    """Nothing of them where there is no second judge."""
    beside = report()["policies"][0]["rates"]["harmful"]
    assert (beside["second"]["k"], beside["disagreement"]["k"]) == (5, 1)
    alone = as_json(setting(PROMPTS), subjects())["policies"][0]["rates"]["harmful"]
    assert "second" not in alone
    assert "disagreement" not in alone


def test_the_judges_errors_are_taken_out_where_it_has_a_card() -> None:
    """(0.6 + 0.9 - 1) / (0.8 + 0.9 - 1), beside the raw rate."""
    made = report()
    assert made["judge"]["card"]["set"] == CARD.set
    corrected = made["policies"][0]["rates"]["harmful"]["corrected"]
    assert corrected["value"] == pytest.approx(0.714286)
    assert corrected["low"] < 0.714286 < corrected["high"]
    assert "corrected" not in made["policies"][0]["rates"]["refusal"]
    bare = report(card=None)
    assert bare["judge"]["card"] is None
    assert "corrected" not in bare["policies"][0]["rates"]["harmful"]


def test_a_partial_set_has_no_overall_rate() -> None:
    """Nobody can quote what is not there; a whole set beside it keeps its own."""
    partial = suite(PROMPTS, published_n=99)
    whole = replace(suite(()), id="whole")
    made = report(suites=(partial, whole))
    policy = made["policies"][0]
    assert made["is_partial"]
    assert policy["rates"] is None
    assert policy["by_suite"]["made"] is None
    assert policy["by_suite"]["whole"] is not None
    assert policy["by_category"]["crime"]["harmful"]["n"] == 10
    assert "20 of the 99 published rows of made are here" in made["warnings"][0]


def test_discordant_prompts_are_redacted_unless_opened() -> None:
    """No text of prompt or answer is anywhere in the file."""
    shut, opened = json.dumps(report()), json.dumps(report(with_texts=True))
    for secret in ("harmful question", "An answer."):
        assert secret not in shut
        assert secret in opened


def test_too_many_unscored_answers_are_warned_of() -> None:
    """With their reasons."""
    made = report()
    assert made["policies"][1]["unscored_reasons"] == {"scripted": 1}
    assert any("careful: 1 of 20 answers are unscored" in said for said in made["warnings"])
    assert not any("passthrough" in said for said in made["warnings"])


def test_ignored_settings_are_warned_of() -> None:
    """A policy that is not really in force is not measured as if it were."""
    plain, careful = subjects()
    made = as_json(setting(PROMPTS), [plain, replace(careful, ignored=("top_k", "min_p"))])
    assert "careful: this backend does not honour top_k, min_p." in made["warnings"]


@pytest.mark.parametrize(("split", "is_warned"), [("test", False), ("all", True)])
def test_a_policy_tuned_on_these_prompts_is_warned_of(split: str, *, is_warned: bool) -> None:
    """Only where the prompts may be those of its search."""
    origin = {"run": "r", "suite": {"name": "made", "sha256": "0" * 64}}
    tuned = Policy.model_validate({"schema": 1, "name": "tuned", "provenance": origin})
    subject = replace(subjects()[0], policy=tuned)
    made = as_json(setting(HARMFUL_PROMPTS, split=split), [subject])
    assert any("tuned on made" in said for said in made["warnings"]) is is_warned


@pytest.mark.parametrize(
    ("name", "is_warned"), [("other+made", True), ("other+more", False), ("made", False)]
)
def test_part_of_what_a_policy_was_tuned_on_is_warned_of(name: str, *, is_warned: bool) -> None:
    """The combination's hash is not that of one of its suites; a suite's own hash is."""
    origin = {"run": "r", "suite": {"name": name, "sha256": "1" * 64}}
    tuned = Policy.model_validate({"schema": 1, "name": "tuned", "provenance": origin})
    subject = replace(subjects()[0], policy=tuned)
    made = as_json(setting(HARMFUL_PROMPTS, split="search"), [subject])
    assert any(f"tuned on {name}" in said for said in made["warnings"]) is is_warned


def test_answers_judged_by_refusal_alone_are_warned_of() -> None:
    """The embedded judge reads no Chinese, and its card is of English answers."""
    first, *others = subjects()
    facts = tuple(with_verdict(known, label=BY_REFUSAL) for known in first.facts[:3])
    made = as_json(
        setting(PROMPTS), [replace(first, facts=facts + first.facts[3:]), *others], with_texts=False
    )
    assert any("passthrough: 3 answers, in Chinese" in said for said in made["warnings"])
    assert not any("careful" in said and "Chinese" in said for said in made["warnings"])


def test_every_key_of_the_file_is_documented() -> None:
    """Programs read it."""
    page = (Path(__file__).parents[3] / "docs" / "eval.md").read_text(encoding="utf-8")
    section = page.partition("## The file")[2]
    made = report()
    keys = {*made, *made["policies"][0], *made["policies"][0]["cost"], *made["comparisons"][0]}
    keys |= {*made["comparisons"][0]["rates"]["harmful"], *made["suites"][0], *made["judge"]}
    assert sorted(key for key in keys if f"`{key}`" not in section) == []
