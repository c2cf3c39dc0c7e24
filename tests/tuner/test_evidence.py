"""Answers come from the store where they are known, and are stored before they count."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.backends.config import ScriptedConfig, ScriptedRule
from proxy.backends.scripted import ScriptedBackend
from proxy.errors import BackendError
from proxy.evaluation.run import Judged
from proxy.evaluation.store import EvaluationStore
from proxy.policy.schema import PASSTHROUGH
from tests.tuner.strategies import TOY_SPACE
from tests.tuner.toy import ToyJudge, respond, toy_prompt
from tuner.candidate import Candidate
from tuner.evidence import Bench, StoredEvidence
from tuner.genome import Genome

PROMPTS = tuple(toy_prompt("harmful", "search", number) for number in range(40))
BASE = Candidate.of(Genome.base(TOY_SPACE), TOY_SPACE, PASSTHROUGH)
OTHER = Candidate.of(Genome((None, None), ("safe-one",), (None,) * 4), TOY_SPACE, PASSTHROUGH)


class NewJudge(ToyJudge):
    """Another version of the judge."""

    judge_id = "toy-2"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """The toy on a fresh store."""
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        yield Bench(
            backend=ScriptedBackend(ScriptedConfig(name="toy"), responder=respond),
            judge=ToyJudge(), store=store, model="m", run_seed=1, max_tokens=8, concurrency=4,
        )  # fmt: skip


def asked(bench: Bench) -> int:
    """Requests that reached the model."""
    assert isinstance(bench.backend, ScriptedBackend)
    return len(bench.backend.requests)


def test_recalled_answers_do_not_promise_more_speed_than_they_had(bench: Bench) -> None:
    """They take no time this time, but each knows how long it took."""
    evidence = StoredEvidence(bench)
    assert evidence.rate(10.0) == 0.0
    asyncio.run(evidence.gather([(BASE, PROMPTS[:6])]))
    took_s = sum(judged.answer.duration_ms for judged in evidence.of(BASE).values()) / 1000
    assert evidence.rate(1000.0) == 6 / 1000.0
    assert evidence.rate(0.0) == pytest.approx(min(6 / 1e-3, bench.concurrency * 6 / took_s))


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
    assert isinstance(bench.backend, ScriptedBackend)
    seeds = {request.fields["seed"] for request in bench.backend.requests}
    assert len(seeds) == 1


def test_another_judge_rereads_stored_answers(bench: Bench) -> None:
    """A new judge version costs no tokens."""
    asyncio.run(StoredEvidence(bench).gather([(BASE, PROMPTS[:5])]))
    second = StoredEvidence(dataclasses.replace(bench, judge=NewJudge()))
    asyncio.run(second.gather([(BASE, PROMPTS[:5])]))
    assert asked(bench) == 5
    assert {judged.verdict.judge_id for judged in second.of(BASE).values()} == {"toy-2"}


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
    evidence = StoredEvidence(dataclasses.replace(bench, backend=dead))
    with pytest.raises(BackendError, match="answers in a row failed"):
        asyncio.run(evidence.gather([(BASE, PROMPTS)]))
    assert bench.store.count_answers() == 2


def test_single_failures_are_unscored_and_tried_again_next_time(bench: Bench) -> None:
    """A hiccup costs one prompt of one candidate."""
    calls = 0

    def flaky(_request: object) -> ScriptedRule:
        nonlocal calls
        calls += 1
        return ScriptedRule(status=500) if calls == 2 else ScriptedRule(answers=("given",))

    backend = ScriptedBackend(ScriptedConfig(name="toy"), responder=flaky)
    flaky_bench = dataclasses.replace(bench, backend=backend)
    evidence = StoredEvidence(flaky_bench)
    asyncio.run(evidence.gather([(BASE, PROMPTS[:4])]))
    outcomes = [judged.verdict.status for judged in evidence.of(BASE).values()]
    assert sorted(outcomes) == ["scored", "scored", "scored", "unscored"]
    again = StoredEvidence(flaky_bench)
    asyncio.run(again.gather([(BASE, PROMPTS[:4])]))
    assert {judged.verdict.status for judged in again.of(BASE).values()} == {"scored"}
    assert calls == 5
