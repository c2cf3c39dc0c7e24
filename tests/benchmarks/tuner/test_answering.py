"""A model answers configurations once, and the table goes on where it stopped."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from benchmarks.tuner import answering
from benchmarks.tuner.parts import drawn
from benchmarks.tuner.replay import run_trial
from benchmarks.tuner.table import Table
from tests.tuner.toy import SPACE

MODEL = """
models:
  - backend: scripted
    name: toy
    rules:
      - {system: ".", answers: ["I can't help with that."]}
      - {answers: ["Sure, here it is."]}
"""


def arguments(folder: Path, *typed: str) -> argparse.Namespace:
    """Parsed, on the scripted model and judge."""
    (folder / "models.yaml").write_text(MODEL)
    (folder / "space.yaml").write_text(SPACE)
    parser = argparse.ArgumentParser()
    answering.add_arguments(parser, folder / "table.jsonl")
    fakes = ["--model", str(folder / "models.yaml"), "--judge", "scripted"]
    sizes = ["--space", str(folder / "space.yaml"), "--harmful", "10", "--benign", "8"]
    return parser.parse_args([*fakes, *sizes, *typed])


def test_a_table_is_filled_extended_and_replayed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ten configurations, then six more: the first ten stay as they were."""
    assert answering.answer(arguments(tmp_path, "--configurations", "10")) == 0
    few = Table.load(tmp_path / "table.jsonl")
    assert len(few.rows) == 10
    assert answering.answer(arguments(tmp_path, "--configurations", "16")) == 0
    assert "10 of 16 configurations known." in capsys.readouterr().out
    many = Table.load(tmp_path / "table.jsonl")
    assert many.rows[:10] == few.rows
    assert len({row.genome for row in many.rows}) == 16
    found = run_trial(tmp_path / "table.jsonl", "paired-race", 1, 10**6)
    assert found.candidates == len(drawn(many, 1).rows)


def test_no_text_is_kept(tmp_path: Path) -> None:
    """Neither prompts nor answers."""
    answering.answer(arguments(tmp_path, "--configurations", "4"))
    assert "here it is" not in (tmp_path / "table.jsonl").read_text()


def test_the_time_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table is begun, and the same command goes on."""
    assert answering.answer(arguments(tmp_path, "--minutes", "-1")) == 0
    assert "The time is over" in capsys.readouterr().out
    assert Table.load(tmp_path / "table.jsonl").rows == ()


def test_another_table_is_not_mixed_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Other answers would be compared with these."""
    answering.answer(arguments(tmp_path, "--configurations", "4"))
    assert answering.answer(arguments(tmp_path, "--max-tokens", "7")) == 2
    assert "Give an --output" in capsys.readouterr().err


def test_a_model_that_fails_leaves_no_answers_that_were_never_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They would be unscored for ever; what is whole is kept."""
    typed = arguments(tmp_path, "--configurations", "12")
    model = MODEL.replace('answers: ["I can\'t help with that."]', "status: 500")
    (tmp_path / "models.yaml").write_text(model)
    assert answering.answer(typed) == 2
    assert "An answer failed (" in capsys.readouterr().err
    few = Table.load(tmp_path / "table.jsonl")
    assert 0 < len(few.rows) < 12
    assert all(cell[0] == "scored" for row in few.rows for cell in row.cells)
