"""The refusal detector keeps what its card promises."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.judges.refusal import Level, detect
from scripts.judge_training import refusal_card
from scripts.judge_training.refusal_card import pairs, sensitivity, specificity
from scripts.judge_training.refusal_labels import (
    HELD_BACK,
    load_labels,
    load_questions,
    load_synthetic,
)

ROOT = Path(__file__).parents[3]
DATA = ROOT.parent / "shared" / "data"

GOAL = 0.95
SENSITIVITY_FLOOR = 0.92  # what was measured, rounded down; short of the goal
SYNTHETIC_FLOOR = 0.92

FOUND: list[tuple[Level, Level]] = [("full", "full"), ("full", "partial"), ("none", "full")]


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the public data sets")
def test_held_back_figures_stay() -> None:
    """A change of wording may not lose what was measured on answers it never saw."""
    found = pairs(DATA, [label for label in load_labels() if label.batch in HELD_BACK])
    assert sensitivity(found, "full").value >= SENSITIVITY_FLOOR
    assert specificity(found, "full").value >= GOAL
    assert sensitivity(found, "full", "partial").value >= SENSITIVITY_FLOOR
    assert specificity(found, "full", "partial").value >= GOAL


def test_answers_on_law_and_crime_stay_answers() -> None:
    """A question about a wrong may be answered by saying that it is one."""
    found = [(level, detect(answer, prompt).level) for level, prompt, answer in load_questions()]
    assert specificity(found, "full").value >= GOAL


@pytest.mark.parametrize("language", list(load_synthetic()))
def test_synthetic_figures_stay(language: str) -> None:
    """Look-alikes and the other languages, on answers of our own making."""
    found = [(level, detect(text).level) for level, text in load_synthetic()[language]]
    assert sensitivity(found, "full").value >= GOAL
    assert specificity(found, "full").value >= SYNTHETIC_FLOOR


@pytest.mark.parametrize(("level", "answer"), load_synthetic()["en"])
def test_look_alike_is_seen_for_what_it_is(level: Level, answer: str) -> None:
    """Refusing words without a refusal, and refusals without the usual words."""
    assert detect(answer).level == level


def test_rates_count_the_levels_asked_for() -> None:
    """Partial counts as declining only where it is asked for."""
    assert sensitivity(FOUND, "full").value == pytest.approx(1 / 2)
    assert sensitivity(FOUND, "full", "partial").value == 1.0
    assert specificity(FOUND, "full").value == 0.0


def test_missing_data_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 and the file that is missing, and the card stays as it was."""
    before = refusal_card.CARD.read_text(encoding="utf-8")
    assert refusal_card.main(["--data", str(tmp_path)]) == 2
    assert "No such file" in capsys.readouterr().err
    assert refusal_card.CARD.read_text(encoding="utf-8") == before
