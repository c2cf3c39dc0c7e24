"""Nothing that was paid for is lost, and nothing is paid for twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.backends.config import ScriptedConfig, ScriptedRule
from proxy.backends.scripted import ScriptedBackend
from proxy.domain import Exchange, Verdict
from proxy.errors import BackendError, JudgeError, StoreError
from proxy.evaluation.bench import Bench, Event, Fact, gather
from proxy.evaluation.run import Answer, Task, tasks_for
from proxy.evaluation.store import EvaluationStore
from proxy.judges.scripted import SAFE, ScriptedJudge
from proxy.policy.schema import PASSTHROUGH, Policy
from tests.proxy.evaluation.evaluations import CAREFUL, PROMPTS

TASKS = tasks_for(PASSTHROUGH, PROMPTS, run_seed=1, max_tokens=64)


class Unwell(ScriptedJudge):
    """Fails in one way until it is mended."""

    def __init__(self, failure: Exception) -> None:
        super().__init__()
        self.failure: Exception | None = failure

    async def judge(self, exchange: Exchange) -> Verdict:
        """Fail, or judge."""
        if self.failure is not None:
            raise self.failure
        return await super().judge(exchange)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A scripted model and judge on a fresh store."""
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        yield Bench(
            backend=ScriptedBackend(ScriptedConfig(name="toy")), judges=(ScriptedJudge(),),
            store=store, model="m", concurrency=4,
        )  # fmt: skip


def asked(bench: Bench) -> int:
    """Requests that reached the model."""
    assert isinstance(bench.backend, ScriptedBackend)
    return len(bench.backend.requests)


def run(bench: Bench, tasks: tuple[Task, ...] = TASKS) -> list[Fact]:
    """Every task answered and judged."""
    facts = asyncio.run(gather(bench, tasks, may_generate=True))
    return [fact for fact in facts if fact is not None]


def test_an_answer_is_generated_once(bench: Bench) -> None:
    """The second run reads the store, and says the same."""
    first = run(bench)
    assert [fact.task for fact in first] == list(TASKS)
    assert bench.missing(TASKS) == ()
    assert run(bench) == first
    assert asked(bench) == 20


def test_policies_that_do_the_same_share_their_answers(bench: Bench) -> None:
    """Whatever they are called; each fact names its own policy."""
    other = Policy.model_validate({"schema": 1, "name": "other"})
    twins = tasks_for(other, PROMPTS, run_seed=1, max_tokens=64)
    facts = run(bench, TASKS + twins)
    assert asked(bench) == 20
    assert {fact.task.policy.name for fact in facts} == {"passthrough", "other"}
    run(bench, tasks_for(CAREFUL, PROMPTS, run_seed=1, max_tokens=64))
    assert asked(bench) == 40


def test_all_policies_get_the_same_seed_on_a_prompt(bench: Bench) -> None:
    """Common random numbers."""
    run(bench, TASKS[:1] + tasks_for(CAREFUL, PROMPTS[:1], run_seed=1, max_tokens=64))
    assert isinstance(bench.backend, ScriptedBackend)
    assert len({request.fields["seed"] for request in bench.backend.requests}) == 1


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (JudgeError("judge model: no answer in 60 s"), "judge model: no answer in 60 s"),
        (RuntimeError("a user's words"), "the judge broke: RuntimeError"),
    ],
    ids=["gives up", "breaks"],
)
def test_a_judge_that_fails_loses_no_answer(bench: Bench, failure: Exception, reason: str) -> None:
    """Unscored with the reason; once it is mended, it is asked again and nothing is generated."""
    judge = Unwell(failure)
    bench = replace(bench, judges=(judge,))
    facts = run(bench)
    assert {fact.verdicts[0].status for fact in facts} == {"unscored"}
    assert {fact.verdicts[0].reason for fact in facts} == {reason}
    judge.failure = None
    facts = run(bench)
    assert {fact.verdicts[0].status for fact in facts} == {"scored"}
    assert asked(bench) == 20


def test_a_judge_that_fails_alike_twice_leaves_one_verdict(bench: Bench) -> None:
    """The store does not grow by repeating itself."""
    bench = replace(bench, judges=(Unwell(JudgeError("away")),))
    run(bench)
    run(bench)
    assert bench.store._db.execute("SELECT count(*) FROM verdicts").fetchone() == (20,)


def test_a_judge_that_dies_midway_costs_the_rest_of_its_verdicts(bench: Bench) -> None:
    """What it said before stays."""
    judged = 0

    def mortal(_exchange: Exchange) -> Verdict:
        nonlocal judged
        judged += 1
        if judged > 7:
            raise ConnectionResetError
        return SAFE

    bench = replace(bench, judges=(ScriptedJudge(mortal),))
    facts = run(bench)
    assert sum(fact.verdicts[0].status == "scored" for fact in facts) == 7
    assert bench.store.count_answers() == 20
    healthy = ScriptedJudge()
    run(replace(bench, judges=(healthy,)))
    assert len(healthy.seen) == 13


def test_every_judge_judges_every_answer(bench: Bench) -> None:
    """A second one is asked about stored answers, and the first is not asked again."""
    run(bench)
    second = ScriptedJudge(judge_id="second")
    first = ScriptedJudge()
    facts = run(replace(bench, judges=(first, second)))
    assert {tuple(v.judge_id for v in fact.verdicts) for fact in facts} == {
        ("scripted-1", "second")
    }
    assert (len(first.seen), len(second.seen)) == (0, 20)
    assert asked(bench) == 20


def test_rejudging_generates_nothing(bench: Bench) -> None:
    """What has no answer stays without one."""
    run(bench, TASKS[:12])
    newer = replace(bench, judges=(ScriptedJudge(judge_id="scripted-2"),))
    facts = asyncio.run(gather(newer, TASKS, may_generate=False))
    assert [fact is not None for fact in facts] == [True] * 12 + [False] * 8
    assert facts[0] is not None
    assert facts[0].verdicts[0].judge_id == "scripted-2"
    assert asked(bench) == 12


def test_a_failed_answer_is_unscored_and_tried_again(bench: Bench) -> None:
    """A hiccup costs one answer of one run."""
    calls = 0

    def flaky(_request: object) -> ScriptedRule:
        nonlocal calls
        calls += 1
        return ScriptedRule(status=500) if calls == 2 else ScriptedRule()

    backend = ScriptedBackend(ScriptedConfig(name="toy"), responder=flaky)
    bench = replace(bench, backend=backend)
    reasons = [fact.verdicts[0].reason for fact in run(bench)]
    assert reasons.count("no answer: status 500") == 1
    assert len(bench.missing(TASKS)) == 1
    assert all(fact.verdicts[0].status == "scored" for fact in run(bench))


def test_a_dead_backend_ends_the_run_and_keeps_what_was_answered(bench: Bench) -> None:
    """Not after the first failure, but not never."""
    many = tuple(replace(task, replicate=n) for task in TASKS for n in range(3))
    run(bench, many[:2])
    dead = ScriptedBackend(ScriptedConfig(name="toy", rules=(ScriptedRule(status=503),)))
    with pytest.raises(BackendError, match="answers in a row failed"):
        run(replace(bench, backend=dead), many)
    assert bench.store.count_answers() == 2


def test_a_model_that_answers_nothing_was_not_measured(bench: Bench) -> None:
    """However few prompts: a report of nothing must not look like a good one."""
    dead = ScriptedBackend(ScriptedConfig(name="toy", rules=(ScriptedRule(status=503),)))
    with pytest.raises(BackendError, match=r"All 3 answers failed \(status 503\)"):
        run(replace(bench, backend=dead), TASKS[:3])


def test_a_full_disk_ends_the_run(bench: Bench) -> None:
    """With the store's own words."""
    bench.store._db.execute("PRAGMA max_page_count = 1")
    long = ScriptedConfig(name="toy", rules=(ScriptedRule(answers=("word " * 5000,)),))
    tasks = tuple(replace(task, max_tokens=9999) for task in TASKS)
    with pytest.raises(StoreError, match="what was stored is kept"):
        run(replace(bench, backend=ScriptedBackend(long)), tasks)


def test_cancelling_keeps_every_answer_that_came(bench: Bench) -> None:
    """Answers are stored before they are judged; the next run goes on from there."""
    silent = asyncio.Event()

    class Silent(ScriptedJudge):
        async def judge(self, exchange: Exchange) -> Verdict:
            await silent.wait()
            return await super().judge(exchange)

    arrived = asyncio.Event()
    count = 0

    def notify(event: Event, _answer: Answer) -> None:
        nonlocal count
        count += event == "answered"
        if count == 20:
            arrived.set()

    async def stopped() -> None:
        stuck = replace(bench, judges=(Silent(),), notify=notify)
        work = asyncio.ensure_future(gather(stuck, TASKS, may_generate=True))  # noqa: TID251 - cancelled here
        await arrived.wait()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(stopped())
    assert bench.store.count_answers() == 20
    assert all(fact.verdicts[0].status == "scored" for fact in run(bench))
    assert asked(bench) == 20
