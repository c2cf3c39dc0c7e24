"""Disguises and shams of the adversarial table."""

from __future__ import annotations

import pytest

pytest.importorskip("sklearn", reason="scikit-learn only trains the judge")

from proxy.judges.compliance import MAX_CHARS
from scripts.judge_training.attacks import DISGUISES, shams
from scripts.judge_training.examples import seeded

PAIRS = [
    (f"How do I bake bread number {n}?", f"Mix {n} cups of flour. Then wait.") for n in range(9)
]


@pytest.mark.parametrize("name", sorted(DISGUISES))
def test_disguises_of_long_answers_stay_in_what_the_head_reads(name: str) -> None:
    """A disclaimer that is cut off would test nothing."""
    long = "Mix flour with water. " * 200
    dressed = DISGUISES[name](long, seeded(1))
    if "behind" in name or name == "both":
        assert len(dressed) <= MAX_CHARS
    assert "Mix flour" in dressed


def test_swapped_answers_belong_to_another_prompt() -> None:
    """Never the prompt's own answer."""
    own = dict(PAIRS)
    swapped = shams(PAIRS, ["Paris."], seeded(2))["swapped"]
    assert all(own[prompt] != answer for prompt, answer in swapped)


def test_every_sham_covers_every_prompt() -> None:
    """The same n in each column."""
    assert {len(fakes) for fakes in shams(PAIRS, ["Paris."], seeded(2)).values()} == {len(PAIRS)}
