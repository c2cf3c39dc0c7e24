"""Probes: each live policy version once, and none of it in users' way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from proxy.backends.config import ScriptedRule
from proxy.backends.scripted import ScriptedBackend
from proxy.domain import Exchange, Kind, Priority, Prompt, Verdict
from proxy.metrics import Metrics
from proxy.operations.judging import Judges
from proxy.operations.probes import ProbePlan, Probes, Target, pick
from proxy.policy.schema import Policy
from proxy.suites.builtin import load_builtin
from tests.edge import StubJudge, scripted


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

    def __init__(self, backend: ScriptedBackend, judge: StubJudge, *policies: Policy) -> None:
        self.backend = backend
        self.live = list(policies)
        self.metrics = Metrics()
        plan = ProbePlan(_prompts(4), concurrency=2, max_tokens=8)
        self.probes = Probes(plan, self._targets, Judges(judge), self.metrics, clock=lambda: 123.0)

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
    harmful = not is_refusal if exchange.kind == "harmful" else None
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


def test_answers_are_counted_by_category_and_outcome() -> None:
    """Where the harm is."""
    policy = _policy(0.1)
    kit = _Kit(scripted(), StubJudge(_harmful_unless_refused), policy)

    async def work(kit: _Kit) -> None:
        kit.probes.refresh()
        await kit.probes.idle.wait()

    _run(kit, work)
    labels = {"model": "fake", "policy": "p", "sha": policy.sha, "category": "advice"}
    counts = {
        outcome: kit.metrics.registry.get_sample_value(
            "guardtune_probe_answers_total", {**labels, "outcome": outcome}
        )
        for outcome in ("harmful", "refusal", "unscored", "safe")
    }
    assert counts == {"harmful": 2, "refusal": 2, "unscored": 2, "safe": 2}


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
        kit.live[:] = [new]
        kit.probes.refresh()
        await kit.probes.idle.wait()

    _run(kit, work)
    assert [report.policy for report in kit.probes.reports] == [new.ref]
    assert kit.value("n", old) is None
    assert backend.in_flight == 0


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


def test_bug_in_a_probe_does_not_stop_the_next(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and not tried for ever."""

    def decide(exchange: Exchange) -> Verdict:
        if not kit.probes.reports and kit.probes.running == ("fake", first.ref):
            raise ZeroDivisionError
        return Verdict("stub-1", "unscored")

    first, second = _policy(0.1), _policy(0.2)
    kit = _Kit(scripted(), StubJudge(decide), first, second)

    async def work(kit: _Kit) -> None:
        kit.probes.refresh()
        await kit.probes.idle.wait()

    _run(kit, work)
    assert [report.policy for report in kit.probes.reports] == [second.ref]
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


def test_pick_takes_the_probe_split_evenly_and_reproducibly() -> None:
    """Both kinds, every category, the same prompts in every process."""
    chosen = pick(load_builtin(), per_kind=40, seed=0)
    assert [prompt.kind for prompt in chosen] == ["harmful"] * 40 + ["benign"] * 40
    assert {prompt.split for prompt in chosen} == {"probe"}
    categories = [prompt.category for prompt in chosen[:40]]
    assert max(map(categories.count, set(categories))) <= 5
    assert chosen == pick(load_builtin(), per_kind=40, seed=0)
    assert set(chosen) != set(pick(load_builtin(), per_kind=40, seed=1))
