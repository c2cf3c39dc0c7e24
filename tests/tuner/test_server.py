"""A server that fails loses tasks, and is left alone once it is down."""

from __future__ import annotations

import asyncio

import pytest

from proxy.backends.config import ScriptedConfig, ScriptedRule
from proxy.backends.scripted import ScriptedBackend
from proxy.evaluation.run import tasks_for
from proxy.policy.schema import PASSTHROUGH
from tests.tuner.toy import ToyJudge, respond, toy_prompt
from tuner.crew import EvaluatorGoneError, LostTaskError
from tuner.server import Server

(TASK,) = tasks_for(PASSTHROUGH, [toy_prompt("harmful", "search", 1)], run_seed=1, max_tokens=8)


def test_it_answers_and_judges() -> None:
    """As this process does."""
    backend = ScriptedBackend(ScriptedConfig(name="toy"), responder=respond)
    judged = asyncio.run(Server(backend, ToyJudge(), 4).answer(TASK))
    assert judged.task is TASK
    assert judged.verdict.status == "scored"


def test_one_that_is_down_is_not_asked_again_until_the_next_round() -> None:
    """Then it may be up again."""
    backend = ScriptedBackend(ScriptedConfig(name="toy", rules=(ScriptedRule(status=503),)))
    server = Server(backend, ToyJudge(), 4)

    async def ask() -> None:
        for _ in range(8):
            await server.ready()
            with pytest.raises(LostTaskError) as loss:
                await server.answer(TASK)
            assert loss.value.judged is not None
            assert loss.value.judged.verdict.status == "unscored"
            assert loss.value.judged.answer.error == "status 503"
        with pytest.raises(EvaluatorGoneError, match="8 answers in a row failed"):
            await server.ready()

    asyncio.run(ask())
    server.begin()
    asyncio.run(server.ready())
