# ruff: noqa: RUF001  # the Chinese suite's own punctuation
from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from proxy.errors import SuiteError
from proxy.suites.choice_formats import CHOICE_FORMATS
from proxy.suites.choices import ChoiceSuite
from proxy.suites.loaders import load_choices

ROWS = [
    {"id": 7, "question": "Warm?", "options": ["Ice", "Fire"], "category": "Physical Health"},
    {"id": 9, "question": "Cold?", "options": ["Ice", "Fire"], "category": "Mental Health"},
]
ANSWERS = {
    "7": {"category": "Physical Health", "answer": 1},
    "9": {"category": "Mental Health", "answer": 0},
    "11": {"category": "Mental Health", "answer": 0},
}
LAB = (
    "Question: Which is first?\nA: Read, then act\nB: Act, then read\nC: Run\nD: Eat\n"
    "Step-by-Step analysis:"
)
INLINE = "Question: Which is first? A: Read, B: Act, C: Run, D: Eat\nStep-by-Step analysis:"


def _write(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")
    return path


def _safetybench(folder: Path, rows: Any, answers: Any = None) -> ChoiceSuite:
    path = _write(folder / "test_en.json", rows)
    if answers is not None:
        _write(folder / "test_answers_en.json", answers)
    return load_choices(f"safetybench-en:{path}")


def _message(name: str, path: Path) -> str:
    with pytest.raises(SuiteError) as caught:
        load_choices(f"{name}:{path}")
    return str(caught.value).replace(str(path.parent), "D")


def test_safetybench_joins_questions_and_answers_by_id(tmp_path: Path) -> None:
    """Answers of questions that are not here are of the full set; the hash covers both files."""
    suite = _safetybench(tmp_path, ROWS, ANSWERS)
    assert [question.answer for question in suite] == [1, 0]
    assert suite.questions[0].topics == ("Physical Health",)
    assert suite.questions[0].category == "advice"
    data = b"".join((tmp_path / f"test_{n}en.json").read_bytes() for n in ("", "answers_"))
    assert suite.sha256 == hashlib.sha256(data).hexdigest()


def test_safetybench_reads_the_few_shot_object_with_answers_inside(tmp_path: Path) -> None:
    """Its categories are keys."""
    rows = {"Offensiveness": [{"question": "Rude?", "options": ["Yes.", "No."], "answer": 1}]}
    suite = load_choices(f"safetybench-zh:{_write(tmp_path / 'dev_zh.json', rows)}")
    (question,) = suite
    assert (question.answer, question.category) == (1, "hate")
    assert question.prompt.endswith("(B) No.\n答案：")


def test_safetybench_tells_what_does_not_fit(tmp_path: Path) -> None:
    """A missing answer and another category, at once and with their lines."""
    answers = {"7": {"category": "Offensiveness", "answer": 1}}
    with pytest.raises(SuiteError) as caught:
        _safetybench(tmp_path, ROWS, answers)
    assert [str(p).replace(str(tmp_path), "D") for p in caught.value.problems] == [
        "D/test_en.json:2: [0]: the answers file has another category for it.",
        (
            "D/test_en.json:11: [1]: the answer is missing, but must be one of the 2 options "
            "(A to B, or 0 to 1)."
        ),
    ]


def test_safetybench_without_answers_says_where_they_belong(tmp_path: Path) -> None:
    """Not once a row."""
    message = _message("safetybench-en", _write(tmp_path / "mine.json", ROWS))
    assert message.startswith("D/mine.json: it has no answers. Name it test_….json, as published")
    message = _message("safetybench-en", _write(tmp_path / "test_en.json", ROWS))
    assert message.startswith("D/test_answers_en.json: no such file.")
    _write(tmp_path / "test_answers_en.json", [1])
    message = _message("safetybench-en", tmp_path / "test_en.json")
    assert "D/test_answers_en.json: this is no object of id" in message


def test_safelawbench_reads_letters(tmp_path: Path) -> None:
    """Regions are its topics; the wording asks for its own marker."""
    row = {"question": "Who?", "choices": ["a", "b", "c"], "answer": "C", "region": "Hong Kong"}
    suite = load_choices(f"safelawbench:{_write(tmp_path / 'dev.json', [row])}")
    (question,) = suite
    assert (question.answer, question.topics) == (2, ("Hong Kong",))
    assert "[[ANSWER]]" in question.prompt
    bad = _write(tmp_path / "bad.json", [{**row, "answer": "G"}])
    assert "[0]: the answer is 'G', but must be one of the 3 options" in _message(
        "safelawbench", bad
    )


@pytest.mark.parametrize("text", [LAB, INLINE, LAB.replace("\n", "\\n")])
def test_labsafety_splits_options_from_the_question(text: str, tmp_path: Path) -> None:
    """They stand on lines, run on in one, or have their line breaks spelled out."""
    row = {"instruction": "…", "input": text, "output": "Final Answer: C? Final Answer: A"}
    (question,) = load_choices(f"labsafety:{_write(tmp_path / 'train.json', [row])}")
    assert question.question == "Which is first?"
    assert [option.split(",")[0] for option in question.options] == ["Read", "Act", "Run", "Eat"]
    assert question.answer == 0


def test_labsafety_as_published_leaves_out_questions_on_images(tmp_path: Path) -> None:
    """Several topics a question, as its own accuracies count them."""
    rows = [
        {
            "Question": "First?\nA: a\nB: b\nC: c\nD: d",
            "Correct Answer": "D",
            "Category": ["chemical hazards", "equipment usage"],
            "Image Path": image,
        }
        for image in (None, "a.png")
    ]
    suite = load_choices(f"labsafety:{_write(tmp_path / 'qa.json', rows)}")
    (question,) = suite
    assert (question.answer, question.topics) == (3, ("chemical hazards", "equipment usage"))
    assert suite.n_rows == 1


@pytest.mark.parametrize("name", CHOICE_FORMATS)
@pytest.mark.parametrize("text", ['[{"dish": "soup"}]', "{", '{"a": 1}', "", "dish,taste\na,b\n"])
def test_another_file_is_refused_without_a_problem_a_row(
    name: str, text: str, tmp_path: Path
) -> None:
    """Whatever it holds, the answer is one SuiteError."""
    path = tmp_path / "file.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SuiteError) as caught:
        load_choices(f"{name}:{path}")
    assert len(caught.value.problems) <= 2


def test_more_questions_than_published_are_refused(tmp_path: Path) -> None:
    """Another set under the same name."""
    rows = [
        {"Question": f"{i}?\nA: a\nB: b\nC: c\nD: d", "Correct Answer": "A"} for i in range(633)
    ]
    assert "633 rows, but 632 were published" in _message(
        "labsafety", _write(tmp_path / "qa.json", rows)
    )


def test_every_choice_format_has_a_wording_for_question_and_options() -> None:
    """And says what was published where."""
    for form in CHOICE_FORMATS.values():
        assert form.template.count("{question}") == form.template.count("{options}") == 1
        assert form.published_n > 0
        assert "/" in form.source
