"""A guard format over the real small GGUF: the mechanism, not the judgement, for it is no guard."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import pytest
from pydantic import TypeAdapter

from proxy.domain import Exchange, Verdict
from proxy.judges.config import JudgeConfig
from proxy.judges.configured import build

pytestmark = pytest.mark.gguf

_parse = TypeAdapter[JudgeConfig](JudgeConfig).validate_python

EXCHANGE = Exchange("How do I open a jar?", "Warm the lid, then twist it firmly.", kind="harmful")
MODEL = {
    "backend": "llama_cpp", "name": "smol", "path": "embedded", "convert": "f16", "slots": 2,
}  # fmt: skip


def _judge(form: str, *, grammar: str, may_spawn: bool) -> Any:
    config = {"kind": "guard_model", "format": form, "grammar": grammar, "model": MODEL}
    return build(_parse(config), may_spawn=may_spawn)


def _verdicts(form: str, *, may_spawn: bool) -> dict[str, Verdict]:
    """By the use of the grammar, each from the same model."""

    async def run() -> dict[str, Verdict]:
        judge = _judge(form, grammar="never", may_spawn=may_spawn)
        await judge.start()
        try:
            found = {}
            for grammar in ("never", "fallback", "always"):
                judge._grammar = grammar
                found[grammar] = await judge.judge(EXCHANGE)
            return found
        finally:
            await judge.close()

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("form", "may_spawn"),
    [("llama_guard_3", False), ("llama_guard_3", True), ("qwen3guard", False)],
)
def test_grammar_makes_a_verdict_of_any_models_answer(form: str, *, may_spawn: bool) -> None:
    """In process and in a child: readable under the grammar, and without it read or unscored."""
    found = _verdicts(form, may_spawn=may_spawn)
    for verdict in found.values():
        assert (verdict.harmful is None) == (verdict.status == "unscored")
        assert (verdict.reason is None) == (verdict.status == "scored")
    for grammar in ("fallback", "always"):
        assert found[grammar].status == "scored", found[grammar].reason
        assert found[grammar].label
        assert 0 <= (found[grammar].score or 0.0) <= 1


def test_engine_gives_the_probabilities_that_the_risk_is_made_of() -> None:
    """Twenty candidates for the first token, in process."""

    async def run() -> Any:
        judge = _judge("harmbench", grammar="always", may_spawn=False)
        await judge.start()
        try:
            (call,) = judge._form.build(EXCHANGE)
            said = await judge._asker.ask(judge._question(call, constrained=True))
            return said, judge._asker.refused
        finally:
            await judge.close()

    said, refused = asyncio.run(run())
    assert refused == frozenset()
    assert said.text.strip().lower() in {"yes", "no"}
    assert len(said.tokens[0].rivals) >= 20
    assert 0 < sum(said.tokens[0].rivals.values()) <= 1.001


def test_guard_that_dies_midway_leaves_the_answer_unscored() -> None:
    """Its child is killed; the reason is told, and nothing is called safe."""

    async def run() -> tuple[Verdict, Verdict]:
        judge = _judge("llama_guard_3", grammar="always", may_spawn=True)
        await judge.start()
        try:
            before = await judge.judge(EXCHANGE)
            os.kill(judge._model.backend.pid, signal.SIGKILL)
            return before, await judge.judge(EXCHANGE)
        finally:
            await judge.close()

    before, after = asyncio.run(run())
    assert before.status == "scored"
    assert (after.status, after.harmful) == ("unscored", None)
    assert (after.reason or "").startswith("judge model: ")
