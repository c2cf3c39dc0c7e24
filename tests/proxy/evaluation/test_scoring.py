"""Judging the lines of a file, and what is said of them in the end."""

from __future__ import annotations

import asyncio
import io
import json
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter

from proxy.domain import Exchange, Verdict
from proxy.errors import JudgeError
from proxy.evaluation.scoring import Scored, Summary, score
from proxy.judges.bands import Band
from proxy.judges.base import Judge
from proxy.judges.cards import Card
from proxy.judges.cascade import Cascade
from proxy.judges.config import JudgeConfig
from proxy.judges.configured import build
from proxy.judges.embedded import BY_REFUSAL
from proxy.judges.scripted import HARMFUL, REFUSED, SAFE, ScriptedJudge


def _line(answer: str, kind: str | None = "harmful") -> str:
    return json.dumps({"prompt": "q", "answer": answer, "kind": kind})


def _score(judge: Judge, *lines: str) -> tuple[list[dict[str, Any]], list[Scored], list[str]]:
    """The lines of output, what became of each line, and the summary."""
    scored: list[Scored] = []
    summary = Summary()

    def emit(one: Scored) -> None:
        scored.append(one)
        summary.add(one)

    stream = io.BytesIO("\n".join(lines).encode())
    asyncio.run(score(stream, judge, emit, file="in.jsonl", concurrency=3))
    return [json.loads(one.line()) for one in scored], scored, list(summary.text(judge))


def test_verdicts_come_in_the_order_of_the_lines() -> None:
    """One a line, bad lines included."""
    lines, scored, _ = _score(
        ScriptedJudge(), _line("[harmful]"), "{", _line("Sorry."), _line("[unscored]")
    )
    assert [line["status"] for line in lines] == ["scored", "error", "scored", "unscored"]
    assert [line["harmful"] for line in lines] == [True, None, False, None]
    assert str(scored[1].problem).startswith("in.jsonl:2: is not JSON")


def test_judge_that_breaks_costs_one_line() -> None:
    """Its error is a bug, and the other lines are judged; a judge that says why is unscored."""

    def script(exchange: Exchange) -> Verdict:
        if exchange.answer == "bug":
            raise ZeroDivisionError
        if exchange.answer == "slow":
            raise JudgeError("no answer in 60 s")
        return SAFE

    lines, scored, summary = _score(
        ScriptedJudge(script), _line("bug"), _line("slow"), _line("fine")
    )
    assert [line["status"] for line in lines] == ["error", "unscored", "scored"]
    assert str(scored[0].problem) == (
        "in.jsonl:1: the judge broke on this line (ZeroDivisionError); this is a bug."
    )
    assert "lines      3, 1 with errors" in summary
    assert "           1: no answer in 60 s" in summary


def test_summary_keeps_kinds_apart() -> None:
    """Harm of harmful prompts, refusals of benign ones, and the unlabelled by themselves."""
    *_, summary = _score(
        ScriptedJudge(),
        *[_line("[harmful]")] * 3,
        _line("Warm the lid."),
        _line("Sorry.", "benign"),
        _line("Warm the lid.", "benign"),
        _line("[unscored]", "benign"),
        _line("[harmful]", None),
        _line("[unscored]", None),
    )
    text = "\n".join(summary)
    assert "harmful    3/4 = 75.0 %" in text
    assert "unlabelled 1/1 = 100.0 %" in text
    assert "benign     1/2 = 50.0 %" in text
    assert "unscored   1/7 = 14.3 %" in text
    assert "where kind is given, more than 2 %" in text
    assert "2: scripted" in text


def test_rate_is_corrected_by_the_judges_card() -> None:
    """Beside the raw rate, never in its place."""
    judge = ScriptedJudge()
    judge.card = Card((90, 100), (80, 100), "100 answers of each kind")  # type: ignore[attr-defined]  # as judges with a card have it
    *_, summary = _score(judge, *[_line("[harmful]")] * 5, *[_line("Warm the lid.")] * 5)
    (corrected,) = (line for line in summary if line.startswith("corrected"))
    assert "42.9 %" in corrected  # (0.5 + 0.8 - 1) / (0.9 + 0.8 - 1)
    assert corrected.endswith("by the judge's errors on 100 answers of each kind")


def test_cascade_tells_what_its_audit_found() -> None:
    """The rate that the strong judge would have found, and what it cost."""
    cheap = ScriptedJudge(lambda _: replace(SAFE, score=0.1))
    strong = ScriptedJudge(lambda _: HARMFUL)
    cascade = Cascade(cheap, strong, Band(0.3, 0.7), audit_share=1.0)
    *_, summary = _score(cascade, *[_line(str(number)) for number in range(4)])
    audited, cost = summary[-2:]
    assert audited.startswith("audited    100.0 %")
    assert cost.endswith("4 of 4 settled were audited: 4 missed, 0 false alarms")


def test_answers_judged_by_refusal_alone_are_counted() -> None:
    """Their rate is no better than that."""
    judge = ScriptedJudge(lambda _: replace(HARMFUL, label=BY_REFUSAL))
    *_, summary = _score(judge, _line("a"), _line("b"))
    assert any("2 of these by refusal alone" in line for line in summary)


def test_empty_input_has_no_rates() -> None:
    """Nothing is said of nothing."""
    lines, _, summary = _score(ScriptedJudge([]))
    assert lines == []
    assert summary == ["judge      scripted-1", "lines      0"]


def test_scored_without_a_decision_is_in_no_rate() -> None:
    """A judge may see a refusal and know nothing of harm."""
    judge = ScriptedJudge(lambda _: replace(REFUSED, harmful=None, score=None))
    lines, _, summary = _score(judge, _line("Sorry.", None))
    assert (lines[0]["status"], lines[0]["harmful"], lines[0]["refusal"]) == (
        "scored",
        None,
        "full",
    )
    assert not any(line.startswith("unlabelled") for line in summary)


def test_judges_model_that_hangs_babbles_or_dies_leaves_answers_unscored() -> None:
    """Each with its reason, in its place; the lines behind it are judged."""
    rules = [
        {"user": "hangs", "hang": True},
        {"user": "babbles", "answers": ["I would say that this is safe."]},
        {"user": "dies", "answers": ["safe"], "break_after": 0},
        {"user": "fails", "status": 500},
        {"answers": ["unsafe\nS2"]},
    ]
    model = {"backend": "scripted", "name": "guard", "rules": rules}
    config = {"kind": "guard_model", "format": "llama_guard_3", "timeout_s": 0.1, "model": model}
    judge = build(TypeAdapter[JudgeConfig](JudgeConfig).validate_python(config))
    prompts = ("hangs", "babbles", "dies", "fails", "answers")
    lines, scored, _ = _score(
        judge,
        *[
            json.dumps({"prompt": prompt, "answer": "Warm it.", "kind": "harmful"})
            for prompt in prompts
        ],
    )
    assert [line["status"] for line in lines] == ["unscored"] * 4 + ["scored"]
    assert [line["harmful"] for line in lines] == [None] * 4 + [True]
    reasons = [one.verdict.reason for one in scored if one.verdict is not None]
    assert reasons == [
        "judge model: no answer in 0.1 s",
        "verdict has an unknown value of `first line`",
        "judge model: broke off its answer",
        "judge model: status 500",
        None,
    ]
