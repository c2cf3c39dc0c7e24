"""Answers come from the store where they are known, and are stored before they count."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from proxy.backends.config import ScriptedConfig, ScriptedRule
from proxy.backends.scripted import ScriptedBackend
from proxy.domain import ChatRequest, Exchange, Verdict
from proxy.errors import BackendError, JudgeError, StoreError
from proxy.evaluation.run import Judged
from proxy.evaluation.store import EvaluationStore
from proxy.policy.schema import PASSTHROUGH
from tests.tuner.strategies import TOY_SPACE
from tests.tuner.toy import LateJudge, NewJudge, ToyJudge, respond, toy_prompt
from tuner.candidate import Candidate
from tuner.evidence import Bench, Failure, StoredEvidence
from tuner.executor import InProcess
from tuner.genome import Genome

PROMPTS = tuple(toy_prompt("harmful", "search", number) for number in range(40))
BASE = Candidate.of(Genome.base(TOY_SPACE), TOY_SPACE, PASSTHROUGH)
OTHER = Candidate.of(Genome((None, None), ("safe-one",), (None,) * 4), TOY_SPACE, PASSTHROUGH)


class Fails(ToyJudge):
    """The same judge while its model's server is down, or with a bug."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def judge(self, exchange: Exchange) -> Verdict:
        """There is none."""
        raise self.error


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """The toy on a fresh store."""
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        backend = ScriptedBackend(ScriptedConfig(name="toy"), responder=respond)
        yield Bench(
            executor=InProcess(backend, ToyJudge(), 4), judge=ToyJudge(), store=store,
            served="toy", model="m", run_seed=1, max_tokens=8,
        )  # fmt: skip


def on(bench: Bench, backend: ScriptedBackend) -> Bench:
    """The same with another model behind it."""
    return dataclasses.replace(bench, executor=InProcess(backend, ToyJudge(), 4))


def requests(bench: Bench) -> Sequence[ChatRequest]:
    """What reached the model."""
    assert isinstance(bench.executor, InProcess)
    assert isinstance(bench.executor.backend, ScriptedBackend)
    return bench.executor.backend.requests


def asked(bench: Bench) -> int:
    """Requests that reached the model."""
    return len(requests(bench))


def test_recalled_answers_do_not_promise_more_speed_than_they_had(bench: Bench) -> None:
    """They take no time this time, but each knows how long it took."""
    evidence = StoredEvidence(bench)
    assert evidence.rate(10.0) == 0.0
    asyncio.run(evidence.gather([(BASE, PROMPTS[:6])]))
    took_s = sum(judged.answer.duration_ms for judged in evidence.of(BASE).values()) / 1000
    assert evidence.rate(1000.0) == 6 / 1000.0
    assert evidence.rate(0.0) == pytest.approx(min(6 / 1e-3, bench.executor.in_flight * 6 / took_s))


def test_an_answer_is_generated_once(bench: Bench) -> None:
    """Within a run, across runs on one store, and for twins in one batch."""
    evidence = StoredEvidence(bench)
    asyncio.run(evidence.gather([(BASE, PROMPTS[:4]), (BASE, PROMPTS[:6]), (OTHER, PROMPTS[:2])]))
    asyncio.run(evidence.gather([(BASE, PROMPTS[:6])]))
    assert asked(bench) == 8
    again = StoredEvidence(bench)
    asyncio.run(again.gather([(BASE, PROMPTS[:6])]))
    assert asked(bench) == 8
    verdicts = [[j.verdict for j in one.of(BASE).values()] for one in (evidence, again)]
    assert verdicts[0] == verdicts[1]
    assert (evidence.answers, again.answers) == (8, 6)
    assert evidence.tokens > again.tokens > 0


def test_results_come_in_the_order_of_prompts(bench: Bench) -> None:
    """Sums of floats must not depend on what was answered first."""
    evidence = StoredEvidence(bench)
    asyncio.run(evidence.gather([(BASE, PROMPTS[:9])]))
    assert list(evidence.of(BASE, PROMPTS[3:6])) == [prompt.id for prompt in PROMPTS[3:6]]
    assert list(evidence.of(BASE)) == sorted(prompt.id for prompt in PROMPTS[:9])
    assert evidence.of(OTHER) == {}


def test_all_candidates_get_the_same_seed_on_a_prompt(bench: Bench) -> None:
    """Common random numbers."""
    asyncio.run(StoredEvidence(bench).gather([(BASE, PROMPTS[:1]), (OTHER, PROMPTS[:1])]))
    seeds = {request.fields["seed"] for request in requests(bench)}
    assert len(seeds) == 1


def test_another_judge_rereads_stored_answers(bench: Bench) -> None:
    """A new judge version costs no tokens."""
    asyncio.run(StoredEvidence(bench).gather([(BASE, PROMPTS[:5])]))
    second = StoredEvidence(dataclasses.replace(bench, judge=NewJudge()))
    asyncio.run(second.gather([(BASE, PROMPTS[:5])]))
    assert asked(bench) == 5
    assert {judged.verdict.judge_id for judged in second.of(BASE).values()} == {"toy-2"}


class Waits(NewJudge):
    """Says nothing before four have asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.enough = asyncio.Event()

    async def judge(self, exchange: Exchange) -> Verdict:
        """As the toy's, together."""
        self.asked += 1
        if self.asked == 4:
            self.enough.set()
        await self.enough.wait()
        return await super().judge(exchange)


def test_stored_answers_are_reread_several_at_once(bench: Bench) -> None:
    """A judge behind a server would take the sum of its latencies otherwise."""
    asyncio.run(StoredEvidence(bench).gather([(BASE, PROMPTS[:6])]))
    second = StoredEvidence(dataclasses.replace(bench, judge=Waits()))
    asyncio.run(asyncio.wait_for(second.gather([(BASE, PROMPTS[:6])]), timeout=20))
    assert second.answers == 6


def test_new_answers_are_reported_and_stored_ones_are_not(bench: Bench) -> None:
    """The progress line shows what the model does."""
    seen: list[Judged] = []
    watched = dataclasses.replace(bench, on_answer=seen.append)
    asyncio.run(StoredEvidence(watched).gather([(BASE, PROMPTS[:3])]))
    asyncio.run(StoredEvidence(watched).gather([(BASE, PROMPTS[:5])]))
    assert len(seen) == 5


def test_a_dead_backend_ends_the_search_and_keeps_what_was_answered(bench: Bench) -> None:
    """Not after the first failure, but not never."""
    asyncio.run(StoredEvidence(bench).gather([(BASE, PROMPTS[:2])]))
    dead = ScriptedBackend(ScriptedConfig(name="toy", rules=(ScriptedRule(status=503),)))
    evidence = StoredEvidence(on(bench, dead))
    with pytest.raises(BackendError, match="answers in a row failed"):
        asyncio.run(evidence.gather([(BASE, PROMPTS)]))
    assert bench.store.count_answers() == 2


def fails_once() -> ScriptedBackend:
    """The second answer fails."""
    calls = 0

    def flaky(_request: object) -> ScriptedRule:
        nonlocal calls
        calls += 1
        return ScriptedRule(status=500) if calls == 2 else ScriptedRule(answers=("given",))

    return ScriptedBackend(ScriptedConfig(name="toy"), responder=flaky)


def test_single_failures_are_unscored_and_the_next_run_asks_again(bench: Bench) -> None:
    """A hiccup costs one prompt of one candidate."""
    flaky = on(bench, fails_once())
    evidence = StoredEvidence(flaky)
    asyncio.run(evidence.gather([(BASE, PROMPTS[:4])]))
    outcomes = [judged.verdict.status for judged in evidence.of(BASE).values()]
    assert sorted(outcomes) == ["scored", "scored", "scored", "unscored"]
    again = StoredEvidence(flaky)
    asyncio.run(again.gather([(BASE, PROMPTS[:4])]))
    assert {judged.verdict.status for judged in again.of(BASE).values()} == {"scored"}
    assert asked(flaky) == 5


def test_a_resumed_run_counts_failures_as_it_did_before(bench: Bench) -> None:
    """Told of them, it neither asks again nor takes what another run has got since."""
    flaky = on(bench, fails_once())
    told: list[Sequence[Failure]] = []
    first = StoredEvidence(flaky, on_failed=told.append)
    asyncio.run(first.gather([(BASE, PROMPTS[:4])]))
    asyncio.run(first.gather([(BASE, PROMPTS[:6])]))
    assert [len(failures) for failures in told] == [1]
    asyncio.run(StoredEvidence(flaky).gather([(BASE, PROMPTS[:6])]))
    before = asked(flaky)
    resumed = StoredEvidence(flaky, failed=told[0], on_failed=told.append)
    asyncio.run(resumed.gather([(BASE, PROMPTS[:6])]))
    assert asked(flaky) == before
    verdicts = [[one.verdict for one in known.of(BASE).values()] for known in (first, resumed)]
    assert verdicts[0] == verdicts[1]
    assert told[0] == told[1]


@pytest.mark.parametrize("error", [JudgeError("no answer"), ValueError("bug")], ids=["down", "bug"])
def test_a_judge_that_fails_for_a_while_loses_no_answer(bench: Bench, error: Exception) -> None:
    """What it left unscored counts so for this run, resumed too; the next has it judged again."""
    failing = judged_by(bench, Fails(error))
    asyncio.run(StoredEvidence(failing).gather([(BASE, PROMPTS[:4])]))
    for is_replaying, status in ((True, "unscored"), (False, "scored"), (True, "scored")):
        mended = StoredEvidence(bench, is_replaying=partial(bool, is_replaying))
        asyncio.run(mended.gather([(BASE, PROMPTS[:4])]))
        assert {one.verdict.status for one in mended.of(BASE).values()} == {status}
    assert asked(failing) == 4


def judged_by(bench: Bench, judge: ToyJudge) -> Bench:
    """The same with another judge, of the same name."""
    assert isinstance(bench.executor, InProcess)
    executor = dataclasses.replace(bench.executor, judge=judge)
    return dataclasses.replace(bench, judge=judge, executor=executor)


def test_a_judge_is_asked_once_more_before_anything_is_decided(bench: Bench) -> None:
    """It was down for a while, and is up again when all answers are there."""
    evidence = StoredEvidence(judged_by(bench, LateJudge(silent_until=12)))
    asyncio.run(evidence.gather([(BASE, PROMPTS)]))
    assert {judged.verdict.status for judged in evidence.of(BASE).values()} == {"scored"}
    asyncio.run(evidence.gather([(BASE, PROMPTS)]))  # nothing left to ask
    recalled = StoredEvidence(bench, is_replaying=lambda: True)
    asyncio.run(recalled.gather([(BASE, PROMPTS)]))
    assert recalled.of(BASE) == evidence.of(BASE)


def test_a_judge_that_is_back_just_in_time_is_not_held_against_the_next_round(
    bench: Bench,
) -> None:
    """It left the last answers unscored, and then read them all; a round with nothing to ask."""
    evidence = StoredEvidence(judged_by(bench, LateJudge(silent_until=10)))
    asyncio.run(evidence.gather([(BASE, PROMPTS[:10])]))
    asyncio.run(evidence.gather([(BASE, PROMPTS[:10])]))
    assert {judged.verdict.status for judged in evidence.of(BASE).values()} == {"scored"}


def test_a_full_disk_while_the_judge_is_asked_again_is_told_of(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the store's words, however many were asked at once."""
    evidence = StoredEvidence(judged_by(bench, LateJudge(silent_until=10)))

    def full(_store: object, _key: object, _verdict: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(EvaluationStore, "add_verdict", full)
    with pytest.raises(StoreError, match="full"):
        asyncio.run(evidence.gather([(BASE, PROMPTS[:10])]))


def test_a_judge_that_stays_down_stops_the_run_and_loses_nothing(bench: Bench) -> None:
    """A test on unscored answers would use the test split for nothing."""
    down = judged_by(bench, Fails(JudgeError("no answer")))
    with pytest.raises(JudgeError, match=r"last 40 answers unscored.*no answer.*tune resume"):
        asyncio.run(StoredEvidence(down).gather([(BASE, PROMPTS)]))
    evidence = StoredEvidence(bench)
    asyncio.run(evidence.gather([(BASE, PROMPTS)]))
    assert {judged.verdict.status for judged in evidence.of(BASE).values()} == {"scored"}
    assert asked(bench) == 40


class Picky(ToyJudge):
    """Never has a word for every third prompt."""

    async def judge(self, exchange: Exchange) -> Verdict:
        """As the toy's, for the others."""
        if int(exchange.prompt.split()[-1]) % 3 == 0:
            raise JudgeError("no verdict in the answer")
        return await super().judge(exchange)


def test_a_judge_without_a_word_for_some_answers_is_not_down(bench: Bench) -> None:
    """They are unscored, however many there are."""
    evidence = StoredEvidence(judged_by(bench, Picky()))
    asyncio.run(evidence.gather([(BASE, PROMPTS), (OTHER, PROMPTS)]))
    unscored = [one.verdict.status == "unscored" for one in evidence.of(BASE).values()]
    assert sum(unscored) == 14


def test_a_model_that_is_down_in_the_last_answers_stops_the_run(bench: Bench) -> None:
    """Decided on, they would be failures for the rest of the run."""
    dead = ScriptedBackend(ScriptedConfig(name="toy", rules=(ScriptedRule(status=503),)))
    told: list[Sequence[Failure]] = []
    evidence = StoredEvidence(on(bench, dead), on_failed=told.append)
    with pytest.raises(BackendError, match=r"last 8 answers all failed.*tune resume"):
        asyncio.run(evidence.gather([(BASE, PROMPTS[:8])]))
    assert told == []
    # Ten refusals are the prompts' own fault.
    refusing = ScriptedBackend(ScriptedConfig(name="toy", rules=(ScriptedRule(status=400),)))
    asyncio.run(StoredEvidence(on(bench, refusing)).gather([(BASE, PROMPTS[20:30])]))
    few = StoredEvidence(on(bench, dead), on_failed=told.append)
    asyncio.run(few.gather([(BASE, PROMPTS[:7])]))
    assert len(told) == 1


def test_an_answer_that_nobody_counted_was_as_long_as_may_be(bench: Bench) -> None:
    """Else a limit on tokens would never be reached. One that failed counts for nothing."""
    evidence = StoredEvidence(on(bench, fails_once()))
    asyncio.run(evidence.gather([(BASE, PROMPTS[:3])]))
    counted = evidence.tokens
    judged = evidence.of(BASE)[PROMPTS[2].id]
    silent = dataclasses.replace(judged, answer=dataclasses.replace(judged.answer, usage=None))
    evidence._count(silent)  # white box: the toy always counts
    assert counted == 2
    assert evidence.tokens == 1 + 8
    broken = dataclasses.replace(judged, answer=dataclasses.replace(judged.answer, error="reset"))
    evidence._count(broken)
    assert evidence.tokens == 1
