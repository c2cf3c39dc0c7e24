"""The answers whose refusals were labelled by hand, found again by file, row and content.

The repository holds no answer of the public sets: ``refusal_levels.csv`` names each by its file and
row below the data folder and by the sha256 of its text, with the level that a reader gave it.
``refusal_answers.yaml`` holds short ones of our own making, for what the sets do not have;
``refusal_questions.yaml`` such ones with the request that they answer.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast, get_args

import yaml

from proxy.judges.refusal import Level
from scripts.judge_training.datasets import DataError

LEVELS: Final = Path(__file__).with_name("refusal_levels.csv")
SYNTHETIC: Final = Path(__file__).with_name("refusal_answers.yaml")
QUESTIONS: Final = Path(__file__).with_name("refusal_questions.yaml")
HELD_BACK: Final = (4, 5)
"""The batches that were labelled last and that no wording was chosen on."""

_ANSWER_KEYS: Final = ("Response", "response", "answer", "output")


@dataclass(frozen=True, slots=True)
class Label:
    """One labelled answer of a public set, without its text.

    Args:
        file: its path below the data folder.
        row: counted from 0 in the file.
        sha256: of the answer's text in UTF-8.
        level: what the reader decided.
        batch: 1 to 3 served development, those of `HELD_BACK` the figures.
    """

    file: str
    row: int
    sha256: str
    level: Level
    batch: int


def load_labels(path: Path = LEVELS) -> tuple[Label, ...]:
    """All labels, in the order of the file."""
    with path.open(encoding="utf-8", newline="") as handle:
        return tuple(
            Label(
                line["file"],
                int(line["row"]),
                line["sha256"],
                _level(line["level"]),
                int(line["batch"]),
            )
            for line in csv.DictReader(handle)
        )


def load_synthetic(path: Path = SYNTHETIC) -> dict[str, list[tuple[Level, str]]]:
    """(level, answer) pairs of our own making, by language."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {
        language: [(_level(level), str(text)) for level in levels for text in levels[level]]
        for language, levels in document.items()
    }


def load_questions(path: Path = QUESTIONS) -> list[tuple[Level, str, str]]:
    """(level, request, answer) of our own making, in the order of the file."""
    rows = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [(_level(row["level"]), str(row["prompt"]), str(row["answer"])) for row in rows]


def answer_of(data: Path, label: Label) -> str:
    """The labelled answer's text.

    Raises:
        DataError: when the row is missing or holds another text than the one that was labelled.
    """
    answers = _answers(data / label.file)
    found = answers[label.row] if label.row < len(answers) else ""
    if hashlib.sha256(found.encode()).hexdigest() != label.sha256:
        raise DataError(f"{label.file}: row {label.row} is not the answer that was labelled.")
    return found


@functools.cache
def _answers(path: Path) -> Sequence[str]:
    """The answers of a file, row by row; ``""`` where a row has none."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", errors="replace", newline="") as handle:
            return [_answer(row) for row in csv.DictReader(handle)]
    document = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(document, dict):
        document = document.get("jailbreaks") or document["jb_artifacts"]
    return [_answer(row) for row in document]


def _answer(row: dict[str, object]) -> str:
    return str(next((row[key] for key in _ANSWER_KEYS if row.get(key)), ""))


def _level(text: str) -> Level:
    if text not in get_args(Level):
        raise DataError(f"{text!r} is no level of refusal.")
    return cast("Level", text)
