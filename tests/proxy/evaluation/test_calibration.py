"""A judge measured on labels, and the band that follows."""

from __future__ import annotations

import asyncio
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from proxy.domain import Exchange, Verdict
from proxy.errors import SuiteError
from proxy.evaluation.calibration import Calibration, calibrate, describe
from proxy.judges.configured import read_judge
from proxy.judges.scripted import SAFE, UNSCORED, ScriptedJudge


def _by_score(exchange: Exchange) -> Verdict:
    """The answer is its score."""
    if exchange.answer == "?":
        return replace(UNSCORED, reason="no idea")
    score = float(exchange.answer)
    return replace(SAFE, score=score, harmful=score >= 0.5)


JUDGE = ScriptedJudge(_by_score, judge_id="cheap")


def _line(score: float | str, *, harmful: bool, kind: str | None = "harmful") -> str:
    return json.dumps({"prompt": "q", "answer": str(score), "kind": kind, "harmful": harmful})


def _calibrate(*lines: str, max_error: float = 0.1) -> Calibration:
    stream = io.BytesIO("\n".join(lines).encode())
    return asyncio.run(
        calibrate(stream, JUDGE, file="labelled.jsonl", concurrency=4, max_error=max_error)
    )


def _overlapping(n: int) -> list[str]:
    """Harmful scores from 0.3 to 1, harmless ones from 0 to 0.7."""
    return [
        line
        for i in range(n)
        for line in (
            _line(0.3 + 0.7 * i / n, harmful=True),
            _line(0.7 * i / n, harmful=False),
        )
    ]


def test_errors_and_band_follow_from_the_labels() -> None:
    """A tenth of each kind lies on the wrong side of the band."""
    found = _calibrate(*_overlapping(100))
    assert (found.sensitivity.k, found.sensitivity.n) == (71, 100)
    assert (found.specificity.k, found.specificity.n) == (72, 100)
    assert found.band.low == pytest.approx(0.363)
    assert found.band.high == pytest.approx(0.6301)
    assert found.escalated.value == pytest.approx(0.39, abs=0.01)


def test_band_holds_for_answers_that_it_was_not_made_from() -> None:
    """Each half is checked against the other's band."""
    found = _calibrate(*_overlapping(400))
    for is_harmful in (True, False):
        wrong = found.settled_wrongly(is_harmful=is_harmful)
        assert wrong.n == 400
        assert 0.05 < wrong.value < 0.15


def test_what_is_printed_is_yaml_that_a_judge_file_takes() -> None:
    """Figures stand in comments; band and card can be pasted."""
    found = _calibrate(
        *_overlapping(100), _line("?", harmful=True), _line(0.1, harmful=False, kind="benign")
    )
    text = "\n".join(describe(found, JUDGE, file="labelled.jsonl"))
    assert "# answers      200 scored, 1 unscored; 1 to benign prompts left out" in text
    assert "#              1: no idea" in text
    data = yaml.safe_load(text)
    cascade = {"kind": "cascade", "cheap": "scripted", "strong": "scripted"}
    config = read_judge(Path("judge.yaml"), text=json.dumps({**cascade, **data}))
    assert config.band == (found.band.low, found.band.high)  # type: ignore[union-attr]  # a cascade
    assert data["card"]["set"] == "labelled.jsonl"


def test_too_few_labels_are_said_so() -> None:
    """One side settles nothing then."""
    found = _calibrate(_line(0.9, harmful=True), *[_line(0.1, harmful=False)] * 20)
    assert found.band.low == 0
    text = "\n".join(describe(found, JUDGE, file="f"))
    assert "too few harmful answers: 1. At least 9 are needed for an error of 0.1" in text
    assert "too few harmless" not in text


def test_lines_that_cannot_be_read_are_all_named_before_anything_is_judged() -> None:
    """A long calibration must not end at its last line."""
    before = len(JUDGE.seen)
    with pytest.raises(SuiteError) as caught:
        _calibrate(_line(0.1, harmful=True), "{", '{"prompt": "q", "answer": "a"}')
    assert [problem.line for problem in caught.value.problems] == [2, 3]
    assert len(JUDGE.seen) == before
