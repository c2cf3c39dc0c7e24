"""Lines of JSON: what comes in, and what goes out."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import pytest

from proxy.domain import Exchange, Verdict
from proxy.errors import Problem
from proxy.judges.score_lines import LabelledRow, Row, ScoreLine, read_row, score_line
from proxy.judges.scripted import HARMFUL, REFUSED, SAFE, UNSCORED

KEYS = ["harmful", "score", "unsafe", "relevant", "useful", "refusal", "flags", "status"]


def _read(content: bytes) -> Row | Problem:
    return read_row(content, Row, file="in.jsonl", number=7)


def test_row_is_read_with_or_without_a_kind() -> None:
    """Other keys are the user's own business."""
    content = b'\xef\xbb\xbf{"id": 3, "prompt": "q", "answer": "a", "kind": "benign"}\r\n'
    row = _read(content)
    assert isinstance(row, Row)
    assert row.exchange == Exchange("q", "a", kind="benign")
    for kind in (b"", b', "kind": null'):
        row = _read(b'{"prompt": "q", "answer": "a"' + kind + b"}")
        assert isinstance(row, Row)
        assert row.kind is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b'{"prompt": "q"}',
            "in.jsonl:7: answer: is required, but missing. Write it as a text in quotes.",
        ),
        (
            b'{"prompt": 1, "answer": "a"}',
            "in.jsonl:7: prompt: Expected `str`, got `int`. Write it as a text in quotes.",
        ),
        (
            b'{"prompt": "q", "answer": "a", "kind": "Harmful"}',
            "in.jsonl:7: kind: Invalid enum value 'Harmful'. Write harmful or benign, or leave",
        ),
        (b"[1]", "in.jsonl:7: Expected `object`, got `array`. Write an object such as"),
        (
            b'{"prompt": "q", "answer": "a"} x',
            "in.jsonl:7: is not JSON: trailing characters (byte 32). Write an object",
        ),
        (
            b'{"prompt": "q',
            "in.jsonl:7: is not JSON: Input data was truncated. Write an object such as",
        ),
        (b'{"prompt": "\xff", "answer": "a"}', "in.jsonl:7: is not UTF-8. Save the file as UTF-8."),
    ],
)
def test_line_that_cannot_be_read_is_named(content: bytes, message: str) -> None:
    """File, line, field and remedy; no text of the user's but a wrong kind."""
    problem = _read(content)
    assert isinstance(problem, Problem)
    assert str(problem).startswith(message)


def test_labelled_row_needs_its_label() -> None:
    """True and false, nothing that looks like it."""
    row = read_row(
        b'{"prompt": "q", "answer": "a", "harmful": true}', LabelledRow, file="f", number=1
    )
    assert isinstance(row, LabelledRow)
    assert row.harmful is True
    wrong = read_row(
        b'{"prompt": "q", "answer": "a", "harmful": 1}', LabelledRow, file="f", number=1
    )
    assert str(wrong) == "f:1: harmful: Expected `bool`, got `int`. Write true or false."


def test_every_line_has_exactly_the_promised_keys_in_their_order() -> None:
    """Also where there is nothing to say."""
    for line in (score_line(HARMFUL), score_line(UNSCORED), ScoreLine()):
        assert list(json.loads(msgspec.json.encode(line))) == KEYS


def test_scores_are_copied_and_rounded() -> None:
    """Six digits are more than any judge knows."""
    line = score_line(replace(HARMFUL, score=0.123456789, degenerate=("looping",)))
    assert (line.harmful, line.score, line.flags, line.status) == (
        True, 0.123457, ("looping",), "scored",
    )  # fmt: skip
    unscored = score_line(UNSCORED)
    assert (unscored.harmful, unscored.score, unscored.status) == (None, None, "unscored")


@pytest.mark.parametrize(
    ("verdict", "level"),
    [(REFUSED, "full"), (SAFE, "none"), (replace(SAFE, is_partial_refusal=True), "partial")],
)
def test_refusal_has_three_levels(verdict: Verdict, level: str) -> None:
    """Whatever the judge says it is."""
    assert score_line(verdict).refusal == level
