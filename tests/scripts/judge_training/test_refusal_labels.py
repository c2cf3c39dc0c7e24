"""The hand labels point at answers that exist, and name them by content."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from scripts.judge_training.datasets import DataError
from scripts.judge_training.refusal_labels import (
    HELD_BACK,
    Label,
    answer_of,
    load_labels,
    load_questions,
    load_synthetic,
)

ROOT = Path(__file__).parents[3]
DATA = ROOT.parent / "shared" / "data"
ENOUGH = 400
ENOUGH_SYNTHETIC = 40


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_labels_are_enough_and_none_stands_twice() -> None:
    """Each answer is labelled once, and some are held back."""
    labels = load_labels()
    assert len(labels) >= ENOUGH
    assert len({label.sha256 for label in labels}) == len(labels)
    assert {label.batch for label in labels} > set(HELD_BACK)


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the public data sets")
def test_labels_match_the_data() -> None:
    """Every file and row holds the answer whose sha256 stands beside it."""
    assert all(answer_of(DATA, label) for label in load_labels())


def test_changed_answer_is_an_error(tmp_path: Path) -> None:
    """A row that moved must not lend its label to another answer."""
    rows = [{"answer": "one"}, {"answer": "two"}]
    (tmp_path / "set.json").write_text(json.dumps(rows))
    label = Label("set.json", 1, _sha256("two"), "none", 1)
    assert answer_of(tmp_path, label) == "two"
    for moved in (Label("set.json", 0, label.sha256, "none", 1),
                  Label("set.json", 9, label.sha256, "none", 1)):  # fmt: skip
        with pytest.raises(DataError, match="is not the answer that was labelled"):
            answer_of(tmp_path, moved)


def test_answers_are_found_in_every_shape_of_file(tmp_path: Path) -> None:
    """CSV with a column of responses, and JSON with the rows below a key."""
    (tmp_path / "a.csv").write_text("question,Response\nq,one\n")
    (tmp_path / "b.json").write_text(json.dumps({"jailbreaks": [{"response": None}]}))
    (tmp_path / "c.json").write_text(json.dumps({"jb_artifacts": [{"response": "one"}]}))
    for file, text in (("a.csv", "one"), ("b.json", ""), ("c.json", "one")):
        assert answer_of(tmp_path, Label(file, 0, _sha256(text), "none", 1)) == text


def test_unknown_level_is_an_error(tmp_path: Path) -> None:
    """A slip of the pen must not become a fourth class."""
    (tmp_path / "levels.csv").write_text("file,row,sha256,level,batch\na.csv,0,00,ful,1\n")
    with pytest.raises(DataError, match="'ful' is no level of refusal"):
        load_labels(tmp_path / "levels.csv")


def test_synthetic_answers_cover_each_language_and_level() -> None:
    """At least forty a language, all three levels in each."""
    for answers in load_synthetic().values():
        assert len(answers) >= ENOUGH_SYNTHETIC
        assert {level for level, _ in answers} == {"full", "partial", "none"}


def test_questions_have_both_levels_and_stand_once() -> None:
    """Requests with answers: no request twice, answered ones and declined ones."""
    found = load_questions()
    assert len({prompt for _, prompt, _ in found}) == len(found) >= ENOUGH_SYNTHETIC
    assert {level for level, _, _ in found} == {"full", "none"}
