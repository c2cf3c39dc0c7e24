"""Presets keep their promises."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tuner.plan import OVERTIME, qualifying_rung, validation_rung
from tuner.presets import PRESETS, Preset, Rung


def test_quick_tries_fifty_candidates_over_five_generations_in_ten_minutes() -> None:
    """What the documentation says of it."""
    quick = PRESETS["quick"]
    assert quick.candidates >= 50
    assert quick.generations >= 5
    assert quick.max_tokens == 64
    assert quick.total_s < 600
    assert quick.test[1] == Rung(60, 60)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
def test_presets_are_consistent(preset: Preset) -> None:
    """Rungs are nested, and the search leaves time for validation and test."""
    rungs = [*preset.first, *preset.second]
    for smaller, larger in pairwise(rungs):
        assert smaller.within(larger) == smaller
    assert preset.first[1].harmful < preset.second[0].harmful
    assert preset.search_s < preset.total_s
    assert preset.first[1].harmful >= 8


@pytest.mark.parametrize(
    ("preset", "test"),
    [(PRESETS["quick"], Rung(40, 45)), (PRESETS["standard"], Rung(219, 159))],
    ids=["quick", "standard"],
)
def test_finalists_get_about_a_fifth_on_two_cores(preset: Preset, test: Rung) -> None:
    """Of the time, with the suites they are meant for, when the search has taken all of its own."""
    rate = 1.2  # answers a second, of SmolLM2: 80 tokens of them
    left_s = preset.total_s - preset.search_s * OVERTIME
    longer = qualifying_rung(
        preset, validation=test, test=test, qualifiers=preset.qualifiers, time_left_s=left_s,
        rate=rate,
    )  # fmt: skip
    known = preset.second[0].prompts if preset.qualifiers else longer.prompts
    left_s -= (preset.qualifiers + 1) * (longer.prompts - known) / rate
    rung = validation_rung(
        preset, test=test, finalists=preset.finalists, time_left_s=left_s, rate=rate
    )
    validated_s = (preset.finalists + 1) * rung.prompts / rate
    assert 0.15 < validated_s / preset.total_s < 0.3


def test_rungs_combine() -> None:
    """Within and or-more act on each kind."""
    assert Rung(3, 9).within(Rung(5, 5)) == Rung(3, 5)
    assert Rung(3, 9).or_more(Rung(5, 5)) == Rung(5, 9)
    assert Rung(3, 9).prompts == 12
