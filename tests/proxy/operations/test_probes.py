"""Probes: each live policy version once, and none of it in users' way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Literal

import pytest

from proxy.backends.base import Reply
from proxy.backends.config import ScriptedRule
from proxy.backends.scripted import ScriptedBackend
from proxy.domain import ChatRequest, Exchange, Kind, Priority, Prompt, Transcript, Verdict
from proxy.errors import BackendError
from proxy.metrics import Metrics
from proxy.operations.judging import Judges
from proxy.operations.probe_history import ProbeHistory
from proxy.operations.probe_plan import ProbePlan
from proxy.operations.probes import MOST_TRIES, Probes
from proxy.operations.target import Target
from proxy.policy.schema import Policy
from tests.edge import StubJudge, scripted


def _stuck_at(n_requests: int) -> tuple[ScriptedBackend, asyncio.Event]:
    """A model that stops once, for ever, in the answer to that request; and what is set then."""
    reached = asyncio.Event()

    async def hold(_index: int) -> None:
        if len(backend.requests) == n_requests and not reached.is_set():
            reached.set()
            await asyncio.Event().wait()

    backend = scripted(before_delta=hold)
    return backend, reached


def _policy(temperature: float) -> Policy:
    return Policy.model_validate(
        {"schema": 1, "name": "p", "decoding": {"temperature": temperature}}
    )


def _prompts(n: int) -> tuple[Prompt, ...]:
    kinds: tuple[Kind, ...] = ("harmful", "benign")
    return tuple(
        Prompt(f"{kind}-{i}", f"{kind} {i}", kind, "advice", "test", "probe")
        for kind in kinds
        for i in range(n)
    )


class _Kit:
    """Probes over whatever ``live`` lists."""

    def __init__(
        self,
        backend: ScriptedBackend,
        judge: StubJudge,
        *policies: Policy,
        pool: int = 4,
        first_round: int = 0,
    ) -> None:
        self.backend = backend
        self.live = list(policies)
        self.first_round = first_round
        self.metrics = Metrics()
        self.folder = list(policies)
        plan = ProbePlan(_prompts(pool), 4, concurrency=2, max_tokens=8)
        self.probes = Probes(
            plan,
            self._targets,
            Judges(judge),
            self.metrics,
            may_finish=lambda target: target.policy in self.folder,
            history=ProbeHistory(limit=5),
            first_round=lambda: self.first_round,
            clock=lambda: 123.0,
        )

    def _targets(self) -> list[Target]:
        return [Target(self.backend, policy) for policy in self.live]

    def value(self, name: str, policy: Policy) -> float | None:
        """Read one of the probe's gauges."""
        labels = {"model": "fake", "policy": policy.name, "sha": policy.sha}
        return self.metrics.registry.get_sample_value(f"guardtune_probe_{name}", labels)


def _run(kit: _Kit, work: Callable[[_Kit], Awaitable[None]]) -> None:
    async def run() -> None:
        try:
            await work(kit)
        finally:
            await kit.probes.close()

    asyncio.run(run())


def _harmful_unless_refused(exchange: Exchange) -> Verdict:
    is_refusal = exchange.prompt.endswith("0")
    if exchange.prompt.endswith("3"):
        return Verdict("stub-1", "unscored")
    harmful = not is_refusal and exchange.kind == "harmful"
    return Verdict("stub-1", "scored", harmful=harmful, relevant=0.5, is_refusal=is_refusal)


def test_results_are_rates_with_intervals_and_leave_out_the_unscored() -> None:
    """Four prompts a kind, one of them unscored: n is three."""
    policy = _policy(0.1)
    kit = _Kit(scripted(), StubJudge(_harmful_unless_refused), policy)

    async def work(kit: _Kit) -> None:
        kit.probes.refresh()
        await kit.probes.idle.wait()

    _run(kit, work)
    (report,) = kit.probes.reports
    assert (report.harmful.k, report.harmful.n, report.unscored) == (2, 3, 2)
    assert (report.over_refusal.k, report.over_refusal.n) == (1, 3)
    assert kit.value("harmful_ratio", policy) == pytest.approx(2 / 3)
    assert kit.value("n", policy) == 3
    assert kit.value("over_refusal_ratio", policy) == pytest.approx(1 / 3)
    assert kit.value("relevance", policy) == 0.5
    assert kit.value("last_run_timestamp_seconds", policy) == 123.0
    low, high = kit.value("harmful_lower95", policy), kit.value("harmful_upper95", policy)
    assert low is not None
    assert high is not None
    assert 0 < low < 2 / 3 < high < 1


def test_answers_are_counted_by_kind_category_and_outcome() -> None:
    """Where the harm is; a harmless answer to a benign prompt must not thin it."""
    policy = _policy(0.1)
    kit = _Kit(scripted(), StubJudge(_harmful_unless_refused), policy)

    async def work(kit: _Kit) -> None:
        kit.probes.refresh()
        await kit.probes.idle.wait()

    _run(kit, work)
    labels = {"model": "fake", "policy": "p", "sha": policy.sha, "category": "advice"}
    counts = {
        (kind, outcome): kit.metrics.registry.get_sample_value(
            "guardtune_probe_answers_total", {**labels, "kind": kind, "outcome": outcome}
        )
        for kind in ("harmful", "benign")
        for outcome in ("harmful", "refusal", "unscored", "safe")
    }
    assert counts == {
        ("harmful", "harmful"): 2, ("harmful", "refusal"): 1, ("harmful", "unscored"): 1,
        ("harmful", "safe"): None,
        ("benign", "harmful"): None, ("benign", "refusal"): 1, ("benign", "unscored"): 1,
        ("benign", "safe"): 2,
    }  # fmt: skip


def test_requests_go_through_the_policy_at_lowest_priority() -> None:
    """What is measured is what users get; users come first."""
    kit = _Kit(scripted(), StubJudge(), _policy(0.1))

    async def work(kit: _Kit) -> None:
        kit.probes.refresh()
        await kit.probes.idle.wait()

    _run(kit, work)
    assert {request.priority for request in kit.backend.requests} == {Priority.BACKGROUND}
    assert {request.fields["temperature"] for request in kit.backend.requests} == {0.1}


def test_unchanged_version_is_never_probed_again() -> None:
    """A reload that changes another policy costs nothing here."""
    kit = _Kit(scripted(), StubJudge(), _policy(0.1))

    async def work(kit: _Kit) -> None:
        kit.probes.refresh()
        await kit.probes.idle.wait()
        kit.probes.refresh()
        await kit.probes.idle.wait()
        assert len(kit.backend.requests) == 8
        kit.live.append(_policy(0.2))
        kit.probes.refresh()
        await kit.probes.idle.wait()

    _run(kit, work)
    assert len(kit.backend.requests) == 16
    assert len(kit.probes.reports) == 2


def test_retired_version_is_stopped_midway_and_the_new_one_probed() -> None:
    """Nobody needs the old one's figures, and its slots are wanted."""
    reached = asyncio.Event()
    old, new = _policy(0.1), _policy(0.2)

    async def hold_old(_index: int) -> None:
        if backend.requests[-1].fields["temperature"] == 0.1:
            reached.set()
            await asyncio.Event().wait()

    backend = scripted(before_delta=hold_old)
    kit = _Kit(backend, StubJudge(), old)

    async def work(kit: _Kit) -> None:
        kit.probes.refresh()
        await reached.wait()
        assert kit.probes.running == ("fake", old.ref)
        kit.live[:] = kit.folder[:] = [new]
        kit.probes.refresh()
        await kit.probes.idle.wait()

    _run(kit, work)
    assert [report.policy for report in kit.probes.reports] == [new.ref]
    assert kit.value("n", old) is None
    assert backend.in_flight == 0


def test_shadowed_version_is_measured_to_the_end_after_the_new_one() -> None:
    """It is what the new one is compared with; its answers so far are not asked for again."""
    old, new = _policy(0.1), _policy(0.2)
    backend, reached = _stuck_at(4)
    kit = _Kit(backend, StubJudge(_harmful_unless_refused), old)

    async def work(kit: _Kit) -> None:
        kit.probes.refresh()
        await reached.wait()
        kit.live[:] = [new]
        kit.folder.append(new)
        kit.probes.refresh()
        await kit.probes.idle.wait()

    _run(kit, work)
    assert [report.policy for report in kit.probes.history] == [new.ref, old.ref]
    assert [report.policy for report in kit.probes.reports] == [new.ref]
    assert kit.value("n", old) is not None
    asked = [request.fields["temperature"] for request in backend.requests]
    assert asked.count(0.2) == 8
    assert 8 <= asked.count(0.1) <= 10  # two were under way when it was set aside
    counted = {
        policy.sha: sum(
            sample.value
            for family in kit.metrics.probe_answers.collect()
            for sample in family.samples
            if sample.labels["sha"] == policy.sha
        )
        for policy in (old, new)
    }
    assert counted == {old.sha: 8, new.sha: 8}


def test_next_round_asks_every_live_version_another_sample() -> None:
    """The same for all of them."""
    kit = _Kit(scripted(), StubJudge(), _policy(0.1), _policy(0.2), pool=6)

    async def work(kit: _Kit) -> None:
        kit.probes.refresh()
        await kit.probes.idle.wait()
        kit.probes.next_round()
        await kit.probes.idle.wait()

    _run(kit, work)
    texts = [str(request.messages[-1]["content"]) for request in kit.backend.requests]
    rounds = [set(texts[start : start + 8]) for start in range(0, 32, 8)]
    assert rounds[0] == rounds[1] != rounds[2] == rounds[3]
    assert [report.round for report in kit.probes.history] == [0, 0, 1, 1]
    assert len(kit.probes.reports) == 2


def test_new_version_comes_before_the_rest_of_a_round() -> None:
    """Users get it already."""
    old, new = _policy(0.1), _policy(0.2)
    backend, reached = _stuck_at(10)
    kit = _Kit(backend, StubJudge(), old)

    async def work(kit: _Kit) -> None:
        kit.probes.refresh()
        await kit.probes.idle.wait()
        kit.probes.next_round()
        await reached.wait()
        kit.live.append(new)
        kit.probes.refresh()
        await kit.probes.idle.wait()

    _run(kit, work)
    found = [(report.policy, report.round) for report in kit.probes.history]
    # It answers what the old one answered last, and then takes part in the round.
    assert found == [(old.ref, 0), (new.ref, 0), (old.ref, 1), (new.ref, 1)]


def _worse_when_warm(exchange: Exchange) -> Verdict:
    harmful = exchange.answer == "warm" and exchange.kind == "harmful"
    return Verdict("stub-1", "scored", harmful=harmful, relevant=0.5)


def test_change_since_the_version_before_is_shown_while_the_version_is_live() -> None:
    """Paired by prompt, with bounds; gone when users do not get that version any more."""
    old, new = _policy(0.1), _policy(0.2)
    kit = _Kit(
        scripted(ScriptedRule(system="warm", answers=("warm",))), StubJudge(_worse_when_warm), old
    )
    warm = Policy.model_validate(
        {"schema": 1, "name": "p", "system_prompt": {"text": "Be warm.", "placement": "prepend"}}
    )
    changes: list[float | None] = []

    def change(policy: Policy, bound: str = "") -> float | None:
        labels = {"model": "fake", "policy": "p", "sha": policy.sha, "kind": "harmful"}
        return kit.metrics.registry.get_sample_value(f"guardtune_probe_change{bound}", labels)

    async def work(kit: _Kit) -> None:
        for live in (old, warm, new):
            kit.live[:] = [live]
            kit.probes.refresh()
            await kit.probes.idle.wait()
            changes.append(change(live))
            if live is warm:
                low, high = change(warm, "_lower95"), change(warm, "_upper95")
                assert low is not None
                assert high is not None
                assert 0 < low < 1 <= high

    _run(kit, work)
    assert changes == [None, 1.0, -1.0]
    assert change(warm) is None


def test_failing_backend_gives_unscored_answers_not_safe_ones() -> None:
    """No rate is made of nothing."""
    policy = _policy(0.1)
    kit = _Kit(scripted(ScriptedRule(status=500)), StubJudge(), policy)

    async def work(kit: _Kit) -> None:
        kit.probes.refresh()
        await kit.probes.idle.wait()

    _run(kit, work)
    assert kit.probes.reports[0].unscored == 8
    assert kit.value("n", policy) == 0
    assert kit.value("harmful_ratio", policy) is None


def test_probe_that_nothing_was_scored_of_is_tried_again_when_its_model_is_back() -> None:
    """Else the version would stay unmeasured until the next round, which may never come."""
    policy = _policy(0.1)
    is_up = False

    def decide(_exchange: Exchange) -> Verdict:
        status: Literal["scored", "unscored"] = "scored" if is_up else "unscored"
        return Verdict("stub-1", status, harmful=False)

    kit = _Kit(scripted(), StubJudge(decide), policy)

    async def work(kit: _Kit) -> None:
        nonlocal is_up
        kit.probes.refresh()
        await kit.probes.idle.wait()
        is_up = True
        kit.probes.refresh()
        await kit.probes.idle.wait()
        assert len(kit.backend.requests) == 8, "nothing has changed, and it is not asked for ever"
        kit.probes.try_again("another")
        kit.probes.refresh()
        await kit.probes.idle.wait()
        assert kit.value("n", policy) == 0
        kit.probes.try_again("fake")
        kit.probes.refresh()
        await kit.probes.idle.wait()
        kit.probes.try_again("fake")
        kit.probes.refresh()
        await kit.probes.idle.wait()

    _run(kit, work)
    assert len(kit.backend.requests) == 16
    assert [(report.round, report.unscored) for report in kit.probes.history] == [(0, 8), (0, 0)]
    assert kit.value("n", policy) == 4


def test_answers_that_an_outage_cost_are_asked_again_when_the_model_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same round, and only they: the others were answered, and are counted."""
    backend, policy = scripted(), _policy(0.1)
    chat = backend.chat
    n_left = 5

    def dying(request: ChatRequest, transcript: Transcript) -> AbstractAsyncContextManager[Reply]:
        nonlocal n_left
        n_left -= 1
        if n_left < 0:
            raise BackendError("gone", model="fake", error_type="engine")
        return chat(request, transcript)

    kit = _Kit(backend, StubJudge(), policy)

    async def work(kit: _Kit) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(backend, "chat", dying)
            kit.probes.refresh()
            await kit.probes.idle.wait()
        assert kit.probes.reports[0].unscored == 3
        kit.probes.try_again("fake")
        kit.probes.refresh()
        await kit.probes.idle.wait()

    _run(kit, work)
    assert len(backend.requests) == 8
    assert len({str(request.messages[-1]["content"]) for request in backend.requests}) == 8
    (report,) = kit.probes.reports
    assert (report.round, report.unscored, report.harmful.n) == (0, 0, 4)
    assert kit.value("n", policy) == 4


def test_model_that_dies_of_its_probes_is_not_asked_for_ever() -> None:
    """One of the prompts may be what takes it down; the next round has others."""
    kit = _Kit(scripted(ScriptedRule(status=500)), StubJudge(), _policy(0.1))

    async def work(kit: _Kit) -> None:
        kit.probes.refresh()
        for _ in range(MOST_TRIES + 2):
            await kit.probes.idle.wait()
            kit.probes.try_again("fake")
            kit.probes.refresh()
        assert len(kit.backend.requests) == 8 * MOST_TRIES
        kit.probes.next_round()
        await kit.probes.idle.wait()

    _run(kit, work)
    assert [report.round for report in kit.probes.history] == [0] * MOST_TRIES + [1]


def test_edit_during_a_round_keeps_the_round_that_was_answered_whole() -> None:
    """The new version answers that, and the two compare on all of its prompts."""
    old, new = _policy(0.1), _policy(0.2)
    backend, reached = _stuck_at(11)
    kit = _Kit(backend, StubJudge(), old)

    async def work(kit: _Kit) -> None:
        kit.probes.refresh()
        await kit.probes.idle.wait()
        kit.probes.next_round()
        await reached.wait()
        kit.live[:] = kit.folder[:] = [new]
        kit.probes.refresh()
        await kit.probes.idle.wait()

    _run(kit, work)
    found = [(report.policy, report.round) for report in kit.probes.history]
    assert found == [(old.ref, 0), (new.ref, 0), (new.ref, 1)]
    labels = {"model": "fake", "policy": "p", "sha": new.sha, "kind": "harmful"}
    assert kit.metrics.registry.get_sample_value("guardtune_probe_change", labels) == 0.0


def test_bug_in_a_probe_does_not_stop_the_next(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is logged, and not tried for ever."""
    backend = scripted()
    chat = backend.chat

    def broken(request: ChatRequest, transcript: Transcript) -> AbstractAsyncContextManager[Reply]:
        if not kit.probes.reports and kit.probes.running == ("fake", first.ref):
            raise ZeroDivisionError
        return chat(request, transcript)

    monkeypatch.setattr(backend, "chat", broken)
    first, second = _policy(0.1), _policy(0.2)
    kit = _Kit(backend, StubJudge(), first, second)

    async def work(kit: _Kit) -> None:
        kit.probes.refresh()
        await kit.probes.idle.wait()

    _run(kit, work)
    assert [report.policy for report in kit.probes.reports] == [second.ref]
    assert "ZeroDivisionError" in caplog.text


def test_judge_with_a_bug_costs_its_verdicts_and_is_told_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The probe ends, with everything unscored."""

    def decide(_exchange: Exchange) -> Verdict:
        raise ZeroDivisionError

    kit = _Kit(scripted(), StubJudge(decide), _policy(0.1))

    async def work(kit: _Kit) -> None:
        kit.probes.refresh()
        await kit.probes.idle.wait()

    _run(kit, work)
    (report,) = kit.probes.reports
    assert (report.harmful.n, report.unscored) == (0, 8)
    assert "judge_broke" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_closing_stops_a_running_probe() -> None:
    """A server that stops does not wait for it."""
    reached = asyncio.Event()

    async def hold(_index: int) -> None:
        reached.set()
        await asyncio.Event().wait()

    backend = scripted(before_delta=hold)
    kit = _Kit(backend, StubJudge(), _policy(0.1), _policy(0.2))

    async def work(kit: _Kit) -> None:
        kit.probes.refresh()
        await reached.wait()

    _run(kit, work)
    assert backend.in_flight == 0
    assert kit.probes.reports == ()


def test_round_can_be_asked_for_some_versions_only() -> None:
    """A canary and what it is compared with; the others' turn is on schedule."""
    first, second = _policy(0.1), _policy(0.2)
    kit = _Kit(scripted(), StubJudge(), first, second)

    async def work(kit: _Kit) -> None:
        kit.probes.refresh()
        await kit.probes.idle.wait()
        kit.probes.next_round([("fake", second.ref)])
        await kit.probes.idle.wait()
        kit.probes.next_round()
        await kit.probes.idle.wait()

    _run(kit, work)
    found = [(report.policy, report.round) for report in kit.probes.history]
    assert found == [
        (first.ref, 0), (second.ref, 0), (second.ref, 1), (first.ref, 2), (second.ref, 2),
    ]  # fmt: skip


def test_first_round_can_be_a_later_one() -> None:
    """Rounds that were counted before a restart never come again."""
    kit = _Kit(scripted(), StubJudge(), _policy(0.1), first_round=7)

    async def work(kit: _Kit) -> None:
        kit.probes.refresh()
        await kit.probes.idle.wait()

    _run(kit, work)
    assert [report.round for report in kit.probes.history] == [7]
    assert len(kit.backend.requests) == 8


def test_next_round_is_one_that_no_other_server_has_counted() -> None:
    """Else its answers would say nothing new."""
    kit = _Kit(scripted(), StubJudge(), _policy(0.1))

    async def work(kit: _Kit) -> None:
        kit.probes.refresh()
        await kit.probes.idle.wait()
        kit.first_round = 170
        for _ in range(2):
            kit.probes.next_round()
            await kit.probes.idle.wait()

    _run(kit, work)
    assert [report.round for report in kit.probes.history] == [0, 170, 171]


def test_listener_gets_all_answers_of_each_round_that_ended() -> None:
    """What a comparison needs."""
    policy = _policy(0.1)
    kit = _Kit(scripted(), StubJudge(), policy)
    told: list[tuple[object, int, int]] = []
    kit.probes.subscribe(lambda key, number, judged: told.append((key, number, len(judged))))

    async def work(kit: _Kit) -> None:
        kit.probes.refresh()
        await kit.probes.idle.wait()
        kit.probes.next_round()
        await kit.probes.idle.wait()

    _run(kit, work)
    assert told == [(("fake", policy.ref), 0, 8), (("fake", policy.ref), 1, 8)]
