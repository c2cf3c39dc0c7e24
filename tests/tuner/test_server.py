"""A server that fails loses tasks, and is left alone once it is down."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from proxy.backends.config import ScriptedConfig, ScriptedRule
from proxy.backends.scripted import ScriptedBackend, last_user_text
from proxy.domain import ChatRequest
from proxy.evaluation.run import Judged, Task, tasks_for
from proxy.policy.schema import PASSTHROUGH
from tests.tuner.toy import ToyJudge, respond, toy_prompt
from tuner.crew import Crew, EvaluatorGoneError, LostTaskError
from tuner.server import Server

(TASK,) = tasks_for(PASSTHROUGH, [toy_prompt("harmful", "search", 1)], run_seed=1, max_tokens=8)


def test_it_answers_and_judges() -> None:
    """As this process does."""
    backend = ScriptedBackend(ScriptedConfig(name="toy"), responder=respond)
    server = Server(backend, ToyJudge(), 4)

    async def both() -> Judged:
        return await server.assess(TASK, await server.answer(TASK))

    judged = asyncio.run(both())
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


PROMPTS = [toy_prompt("benign", "search", number) for number in range(18)]
CURSED = PROMPTS[5]


def many(candidates: int) -> list[Task]:
    """The same prompts for each of so many candidates."""
    return candidates * list(tasks_for(PASSTHROUGH, PROMPTS, run_seed=1, max_tokens=8))


def cursed(status: int) -> ScriptedBackend:
    """A server that answers all prompts but one."""

    def responds(request: ChatRequest) -> ScriptedRule:
        if last_user_text(request) == CURSED.text:
            return ScriptedRule(status=status)
        return respond(request)

    return ScriptedBackend(ScriptedConfig(name="toy"), responder=responds)


async def share(tasks: list[Task], *backends: ScriptedBackend) -> tuple[list[Judged], int]:
    """What came of the tasks at several servers, and how often the cursed prompt was asked."""
    seen: list[Judged] = []
    servers = tuple(Server(backend, ToyJudge(), 8) for backend in backends)
    await Crew("toy", servers).run(tasks, seen.append)
    requests = [last_user_text(one) for backend in backends for one in backend.requests]
    return seen, requests.count(CURSED.text)


@pytest.mark.parametrize(
    ("status", "most_tries"), [(400, 1), (403, 9), (500, 9)], ids=["refusal", "403", "500"]
)
def test_a_prompt_that_every_server_fails_does_not_end_the_run(
    status: int, most_tries: int
) -> None:
    """It is unscored for each candidate, as on one server; a refusal is not asked again."""
    tasks = many(20)
    seen, tries = asyncio.run(share(tasks, cursed(status), cursed(status)))
    assert len(seen) == len(tasks)
    assert Counter(one.answer.error for one in seen) == {None: 340, f"status {status}": 20}
    assert {one.verdict.status for one in seen if one.answer.error} == {"unscored"}
    assert tries <= 20 * most_tries


def test_a_run_that_has_only_refused_prompts_left_goes_through() -> None:
    """As after a resume: they are what is left."""
    tasks = [task for task in many(20) if task.prompt is CURSED]
    seen, tries = asyncio.run(share(tasks, cursed(400), cursed(400)))
    assert len(seen) == tries == 20


def test_one_without_a_valid_key_is_left_alone_and_the_others_answer_all() -> None:
    """It refuses whatever it is asked, which says nothing of the requests."""
    locked = ScriptedBackend(ScriptedConfig(name="toy", rules=(ScriptedRule(status=401),)))
    well = ScriptedBackend(ScriptedConfig(name="toy"), responder=respond)
    seen, _ = asyncio.run(share(many(20), locked, well))
    assert {one.answer.error for one in seen} == {None}
    assert len(locked.requests) <= 16
