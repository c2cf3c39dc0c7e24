"""The default executor: this process."""

from __future__ import annotations

import asyncio

from proxy.backends.config import ScriptedConfig
from proxy.backends.scripted import ScriptedBackend
from proxy.evaluation.run import Judged, tasks_for
from proxy.policy.schema import PASSTHROUGH
from tests.tuner.toy import ToyJudge, respond, toy_prompt
from tuner.executor import InProcess


def test_each_task_is_handed_over_once() -> None:
    """Whoever is first."""
    prompts = [toy_prompt("harmful", "search", number) for number in range(9)]
    tasks = tasks_for(PASSTHROUGH, prompts, run_seed=1, max_tokens=8)
    backend = ScriptedBackend(ScriptedConfig(name="toy"), responder=respond)
    seen: list[Judged] = []
    asyncio.run(InProcess(backend, ToyJudge(), 4).run(tasks, seen.append))
    assert sorted(one.task.prompt.id for one in seen) == sorted(prompt.id for prompt in prompts)
    assert {one.verdict.status for one in seen} == {"scored"}
