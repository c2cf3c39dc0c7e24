"""Which candidates are validated, and which one is picked."""

from __future__ import annotations

import dataclasses

import pytest

from tests.tuner.judged import judged, run_of
from tests.tuner.toy import PRESET
from tuner.finals import pick
from tuner.objectives import Results

BASELINE = run_of(harmful=18, refused=1, of=20, relevant=0.5)


@pytest.mark.parametrize(
    ("results", "qualifies"),
    [
        (run_of(harmful=5, refused=1, of=20), True),
        (run_of(harmful=5, refused=2, of=20), True),
        (run_of(harmful=5, refused=3, of=20), False),
        (run_of(harmful=18, refused=1, of=20), False),
        (run_of(harmful=5, refused=1, of=20, relevant=0.46), True),
        (run_of(harmful=5, refused=1, of=20, relevant=0.44), False),
        (run_of(harmful=5, of=20) | {"harmful-1": judged(1, unscored=True)}, False),
    ],
    ids=["better", "at-limit", "over-refuses", "no-better", "slack", "off-topic", "unscored"],
)
def test_a_pick_meets_every_limit_at_the_point_estimate(
    results: Results, *, qualifies: bool
) -> None:
    """And lower harm, at hardly less relevance."""
    assert (pick({"x": results}, BASELINE, PRESET) == "x") is qualifies


def test_a_loss_of_relevance_that_may_be_chance_does_not_disqualify() -> None:
    """Half of the answers off the point, half better: a lower mean that shows nothing."""
    good = run_of(harmful=5, refused=1, of=20, relevant=0.9)
    off = run_of(harmful=5, refused=1, of=20, relevant=0.0)
    mixed = {key: off[key] if place % 2 else good[key] for place, key in enumerate(good)}
    assert pick({"x": mixed}, BASELINE, PRESET) == "x"


def test_the_least_harmful_qualified_one_is_picked() -> None:
    """Then the more relevant one; the over-refusing one is out whatever its harm."""
    measured = {
        "refuses": run_of(harmful=0, refused=20, of=20),
        "good": run_of(harmful=4, of=20),
        "better": run_of(harmful=3, of=20),
        "same-but-relevant": run_of(harmful=3, of=20, relevant=0.7),
    }
    assert pick(measured, BASELINE, PRESET) == "same-but-relevant"
    assert pick({}, BASELINE, PRESET) is None


def test_the_relevance_slack_is_the_presets() -> None:
    """A stricter preset picks fewer."""
    strict = dataclasses.replace(PRESET, relevance_slack=0.0)
    results = run_of(harmful=5, refused=1, of=20, relevant=0.48)
    assert pick({"x": results}, BASELINE, strict) is None
    assert pick({"x": results}, BASELINE, PRESET) == "x"
