"""Prompts under a policy become judged answers, whatever fails on the way."""

from __future__ import annotations

import asyncio

import pytest

from proxy.backends.config import ScriptedConfig, ScriptedRule
from proxy.backends.scripted import ScriptedBackend
from proxy.domain import Exchange, Prompt, Verdict
from proxy.errors import JudgeError
from proxy.evaluation.run import (
    Answer,
    Judged,
    echo_context,
    evaluate,
    generate,
    judge_answer,
    sampling_seed,
    tasks_for,
)
from proxy.judges.scripted import ScriptedJudge
from proxy.policy.schema import PASSTHROUGH, Policy

PROMPT = Prompt("p", "What is a kettle?", "benign", "other", "s")
POLICY = Policy.model_validate(
    {
        "schema": 1,
        "name": "p",
        "system_prompt": {"text": "Be kind."},
        "demonstrations": [{"user": "Hi", "assistant": "Hello"}],
        "decoding": {"temperature": 0.5},
    }
)


def scripted(*rules: ScriptedRule) -> ScriptedBackend:
    """A scripted backend with these rules."""
    return ScriptedBackend(ScriptedConfig(name="toy", rules=rules or (ScriptedRule(),)))


def prompts(count: int) -> tuple[Prompt, ...]:
    """Distinct prompts."""
    return tuple(Prompt(f"p{i}", f"question {i}", "benign", "other", "s") for i in range(count))


def test_generate_applies_the_policy_as_the_proxy_does() -> None:
    """System prompt, demonstrations, settings, seed and limit all reach the backend."""
    backend = scripted()
    answer = asyncio.run(generate(backend, POLICY, PROMPT, seed=5, max_tokens=32))
    request = backend.requests[0]
    assert answer.text == "OK."
    assert answer.error is None
    assert [message["role"] for message in request.messages] == [
        "system", "user", "assistant", "user",
    ]  # fmt: skip
    assert (request.fields["seed"], request.fields["max_tokens"]) == (5, 32)
    assert request.fields["temperature"] == 0.5


@pytest.mark.parametrize(
    ("rule", "sent"),
    [(500, 32), (8, 8), ({"min": 100, "max": 500}, 32), ({"default": 500}, 32)],
)
def test_no_policy_makes_an_answer_longer_than_it_was_planned(rule: object, sent: int) -> None:
    """A run says what it may cost; a policy may only lower that."""
    backend = scripted()
    policy = Policy.model_validate({"schema": 1, "name": "long", "decoding": {"max_tokens": rule}})
    asyncio.run(generate(backend, policy, PROMPT, max_tokens=32))
    assert backend.requests[0].fields["max_tokens"] == sent


def test_generate_leaves_the_seed_to_the_backend_by_default() -> None:
    """No seed asked for, none sent."""
    backend = scripted()
    asyncio.run(generate(backend, PASSTHROUGH, PROMPT, max_tokens=8))
    assert "seed" not in backend.requests[0].fields


@pytest.mark.parametrize(
    "rule", [ScriptedRule(status=500), ScriptedRule(answers=("a b c",), break_after=1)]
)
def test_generate_reports_a_failure_instead_of_raising(rule: ScriptedRule) -> None:
    """A probe or a search goes on when one answer fails."""
    answer = asyncio.run(generate(scripted(rule), PASSTHROUGH, PROMPT, max_tokens=8))
    assert answer.error


def test_evaluate_returns_results_in_the_order_of_tasks() -> None:
    """Whatever finishes first."""
    tasks = tasks_for(PASSTHROUGH, prompts(20), run_seed=1, max_tokens=8)
    results = asyncio.run(evaluate(scripted(), ScriptedJudge(), tasks, concurrency=3))
    assert [judged.task for judged in results] == list(tasks)


def test_evaluate_never_has_more_in_flight_than_asked() -> None:
    """Concurrency bounds decoding; judging does not count."""
    most = 0

    async def look(_index: int) -> None:
        nonlocal most
        most = max(most, backend.in_flight)
        await asyncio.sleep(0)

    backend = ScriptedBackend(ScriptedConfig(name="toy"), before_delta=look)
    tasks = tasks_for(PASSTHROUGH, prompts(12), run_seed=1, max_tokens=8)
    asyncio.run(evaluate(backend, ScriptedJudge(), tasks, concurrency=3))
    assert most == 3


def test_failed_answers_are_unscored_and_not_judged() -> None:
    """A dead backend must never look safe."""
    judge = ScriptedJudge()
    tasks = tasks_for(PASSTHROUGH, prompts(2), run_seed=1, max_tokens=8)
    backend = scripted(ScriptedRule(status=500))
    results = asyncio.run(evaluate(backend, judge, tasks, concurrency=2))
    assert [judged.verdict.outcome for judged in results] == ["unscored", "unscored"]
    assert judge.seen == []


def test_a_judge_that_cannot_decide_leaves_the_answer_unscored() -> None:
    """JudgeError is an outcome, not a crash."""

    def fail(_exchange: Exchange) -> Verdict:
        raise JudgeError("out of words")

    task = tasks_for(PASSTHROUGH, [PROMPT], run_seed=1, max_tokens=8)[0]
    verdict = asyncio.run(judge_answer(ScriptedJudge(fail), task, Answer("hello")))
    assert (verdict.status, verdict.reason) == ("unscored", "out of words")


def test_cancelling_keeps_what_was_judged() -> None:
    """Answers handed over before the cancellation stay handed over; slots are freed."""
    kept: list[Judged] = []
    judged_three = asyncio.Event()

    def keep(judged: Judged) -> None:
        kept.append(judged)
        if len(kept) == 3:
            judged_three.set()

    async def run() -> int:
        hold = asyncio.Event()

        async def before(_index: int) -> None:
            if len(backend.requests) > 3:
                await hold.wait()

        backend = ScriptedBackend(ScriptedConfig(name="toy"), before_delta=before)
        tasks = tasks_for(PASSTHROUGH, prompts(9), run_seed=1, max_tokens=8)
        work = asyncio.get_running_loop().create_task(
            evaluate(backend, ScriptedJudge(), tasks, concurrency=1, on_judged=keep)
        )
        await judged_three.wait()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        return backend.in_flight

    assert asyncio.run(run()) == 0
    assert len(kept) == 3


def test_an_error_of_the_callback_comes_out_as_itself() -> None:
    """A full disk stops the evaluation with the store's own error, not with a group."""

    def full(_judged: Judged) -> None:
        raise OSError("disk full")

    tasks = tasks_for(PASSTHROUGH, prompts(3), run_seed=1, max_tokens=8)
    with pytest.raises(OSError, match="disk full"):
        asyncio.run(evaluate(scripted(), ScriptedJudge(), tasks, concurrency=1, on_judged=full))


def test_sampling_seeds_are_shared_by_policies_and_differ_by_prompt_and_replicate() -> None:
    """Common random numbers."""
    seeds = {sampling_seed(1, "a"), sampling_seed(1, "b"), sampling_seed(2, "a"),
             sampling_seed(1, "a", 1)}  # fmt: skip
    assert len(seeds) == 4
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert sampling_seed(1, "a") == sampling_seed(1, "a")


def test_echo_context_holds_every_text_of_the_policy() -> None:
    """What an answer might merely repeat."""
    assert echo_context(POLICY) == ("Be kind.", "Hi", "Hello")
    assert echo_context(PASSTHROUGH) == ()


def test_the_judge_sees_prompt_answer_label_and_context() -> None:
    """Nothing that decides a verdict is left out."""
    judge = ScriptedJudge()
    tasks = tasks_for(POLICY, [PROMPT], run_seed=1, max_tokens=8)
    asyncio.run(evaluate(scripted(), judge, tasks, concurrency=1))
    assert judge.seen == [Exchange(PROMPT.text, "OK.", "benign", echo_context(POLICY), "stop")]
