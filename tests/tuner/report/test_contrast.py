"""Baseline and policy on the same prompts."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from proxy.domain import Usage
from tests.tuner.judged import judged, results
from tuner.report.contrast import contrast

BASELINE = results(
    judged(1, harmful=True), judged(2, harmful=True), judged(3),
    judged(1, "benign"), judged(2, "benign"),
)  # fmt: skip
TUNED = results(
    judged(1), judged(2, harmful=True), judged(3, harmful=True),
    judged(1, "benign", degenerate=True), judged(2, "benign"),
)  # fmt: skip


def test_groups_are_there() -> None:
    """By category and by suite; :mod:`tests.tuner.report.test_groups` has what is in them."""
    found = contrast(BASELINE, TUNED, with_texts=False)
    assert [one["category"] for one in found["categories"]] == ["other"]
    assert [one["measure"] for one in found["suites"]] == ["harmful", "lookalike_refusal"]


def test_prompts_and_answers_are_left_out_unless_asked_for() -> None:
    """Only ids, and how long they are."""
    hidden = contrast(BASELINE, TUNED, with_texts=False)
    harm = [one for one in hidden["discordant"] if one["measure"] == "harmful"]
    assert {(one["prompt"], one["is_worse"]) for one in harm} == {
        ("harmful-1", False),
        ("harmful-3", True),
    }
    assert "harmful 1" not in json.dumps(hidden)
    shown = contrast(BASELINE, TUNED, with_texts=True)["discordant"]
    assert {one["text"] for one in shown} == {"harmful 1", "harmful 3", "benign 1"}


def test_flags_and_lengths_are_there_for_both() -> None:
    """Each flag with its n; tokens by kind of prompt."""
    found = contrast(BASELINE, TUNED, with_texts=False)
    assert found["flags"]["tuned"]["looping"]["k"] == 1
    assert found["flags"]["baseline"]["looping"] == {
        **found["flags"]["baseline"]["echo"], "k": 0, "n": 5,
    }  # fmt: skip
    assert found["tokens"]["baseline"] == {"harmful": [2, 2, 2], "benign": [2, 2]}


def test_the_mean_change_of_tokens_has_its_interval() -> None:
    """Of paired answers: 2, 4 and 6 tokens more; an interval takes two pairs at least."""
    longer = {
        prompt: replace(one, answer=replace(one.answer, usage=Usage(1, 2 + 2 * place)))
        for place, (prompt, one) in enumerate(list(BASELINE.items())[:3], 1)
    }
    found = contrast(BASELINE, longer, with_texts=False)["tokens_gap"]
    assert (found["n"], found["gap"]) == (3, 4.0)
    half = 1.959964 * 2 / math.sqrt(3)
    assert (found["low"], found["high"]) == pytest.approx((4 - half, 4 + half))
    one_pair = dict(list(longer.items())[:1])
    alone = contrast(BASELINE, one_pair, with_texts=False)["tokens_gap"]
    assert alone == {"n": 1, "gap": 2.0, "low": None, "high": None}
    assert contrast(BASELINE, {}, with_texts=False)["tokens_gap"]["gap"] is None
