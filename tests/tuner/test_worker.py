"""A worker of a cluster, without a cluster: plain data in, plain data out, and the same answers."""

from __future__ import annotations

import asyncio
import json

from proxy.backends.config import ScriptedConfig, ScriptedRule
from proxy.backends.identity import model_sha256
from proxy.backends.scripted import ScriptedBackend
from proxy.evaluation.run import Judged, Task, evaluate, tasks_for
from proxy.judges.configured import load_judge
from proxy.policy.schema import Policy
from tests.tuner.toy import toy_prompt
from tuner.worker import Plain, Worker, answer_of, as_plain, plain_answer, verdict_of

CONFIG = ScriptedConfig(
    name="toy",
    rules=(
        ScriptedRule(user="harmful.*[02468]$", answers=("I can't help with that.",)),
        ScriptedRule(user="harmful.*9$", status=500),
        ScriptedRule(answers=("Sure, here it is.", "Here you are.")),
    ),
)
POLICY = Policy.model_validate(
    {"schema": 1, "name": "p", "system_prompt": {"text": "Be kind.", "placement": "prepend"},
     "demonstrations": [{"user": "a", "assistant": "b"}], "decoding": {"temperature": 0.4}}
)  # fmt: skip
TASKS = tasks_for(
    POLICY, [toy_prompt("harmful", "search", number) for number in range(12)],
    run_seed=3, max_tokens=8,
)  # fmt: skip


async def at_a_worker() -> tuple[tuple[str, str], list[Judged]]:
    """Through JSON and back."""
    worker = Worker(CONFIG.model_dump(mode="json"), "scripted")
    identity = await worker.start()
    sent = [json.loads(json.dumps(as_plain(task))) for task in TASKS]
    return identity, [
        await judged_at(worker, task, plain) for task, plain in zip(TASKS, sent, strict=True)
    ]


async def judged_at(worker: Worker, task: Task, plain: Plain) -> Judged:
    """Answered, and the answer sent back to be judged."""
    answer = answer_of(json.loads(json.dumps(await worker.answer(plain))))
    again = json.loads(json.dumps(plain_answer(answer)))
    verdict = json.loads(json.dumps(await worker.judge(plain, again)))
    return Judged(task, answer, verdict_of(verdict))


def test_a_worker_answers_as_this_process_does() -> None:
    """Texts, counts, failures and verdicts; only the time it took may differ."""
    _, there = asyncio.run(at_a_worker())
    backend, judge = ScriptedBackend(CONFIG), load_judge("scripted")
    here = asyncio.run(evaluate(backend, judge, TASKS, concurrency=4))
    for mine, theirs in zip(here, there, strict=True):
        assert theirs.task is mine.task
        assert theirs.verdict == mine.verdict
        assert (theirs.answer.text, theirs.answer.usage) == (mine.answer.text, mine.answer.usage)
        assert theirs.answer.error == mine.answer.error


def test_a_worker_proves_who_it_is() -> None:
    """Its model's identity, and its judge's."""
    identity, _ = asyncio.run(at_a_worker())
    assert identity == (model_sha256(CONFIG, ScriptedBackend(CONFIG)), "scripted-1")
