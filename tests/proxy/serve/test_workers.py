"""The workers of a server, supervised: stand-ins that live and die as the test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest

from proxy.backends.backoff import Backoff
from proxy.backends.watchdog import Patience
from proxy.metrics import Metrics
from proxy.metrics.deltas import Delta, take_delta
from proxy.metrics.tally import Tally
from proxy.policy.snapshot import Snapshot
from proxy.serve.messages import Failed, Policies, ToWorker
from proxy.serve.worker_process import WorkerProcess
from proxy.serve.workers import MOST_STARTS, Workers
from proxy.tasks import spawn

GIVE_UP_S = 30


class _Fake:
    """A worker without a process."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.pid = 1
        self.is_ready = False
        self.failure: Failed | None = None
        self.tally = Tally()
        self.metrics = Metrics(tally=self.tally)
        self.told: list[ToWorker] = []
        self.answers = True
        self.takes_probes = True
        self.drains = True
        self.how = ""
        self.released = False
        self.was_killed = False
        self.error: Exception | None = None
        self._on_delta: Callable[[Delta], None] = lambda _delta: None
        self._on_ready: Callable[[], None] = lambda: None
        self._end = asyncio.Event()

    async def listen(
        self, *, on_delta: Callable[[Delta], None], on_ready: Callable[[], None]
    ) -> str:
        self._on_delta, self._on_ready = on_delta, on_ready
        await self._end.wait()
        if self.error is not None:
            self.kill()
            raise self.error
        return self.how

    async def report(self, *, within_s: float) -> bool:
        if self.answers:
            self._on_delta(take_delta(self.metrics))
        return self.answers

    def tell(self, message: ToWorker) -> None:
        self.told.append(message)

    def ready(self) -> None:
        self.is_ready = True
        self._on_ready()

    def end(self, how: str) -> None:
        self.how = self.how or how
        self._end.set()

    def stop(self) -> None:
        if self.drains:
            self._on_delta(take_delta(self.metrics))
            self.end("exit status 0")

    def kill(self) -> None:
        self.was_killed = True
        self.end("SIGKILL")

    def release(self) -> None:
        self.released = True


class _Kit:
    """Workers, and the stand-ins in the order in which they were started."""

    def __init__(self, count: int, patience: Patience | None = None) -> None:
        self.fakes: list[_Fake] = []
        self.n_failures = 0
        self.error: Exception = OSError("no process to be had")
        self.delays: list[float] = []
        self.metrics = Metrics()
        self.news = asyncio.Event()
        self.workers = Workers(
            count, self._spawn, self.metrics, drain_s=0.01,
            backoff=lambda: _Recorded(self.delays), patience=patience,
        )  # fmt: skip

    async def _spawn(self, name: str) -> WorkerProcess:
        if self.n_failures:
            self.n_failures -= 1
            raise self.error
        self.fakes.append(_Fake(name))
        return cast("WorkerProcess", self.fakes[-1])

    async def until(self, condition: Callable[[], object]) -> None:
        while not condition():  # noqa: ASYNC110 - what it waits for are other tasks' turns
            await asyncio.sleep(0)

    def sample(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)


class _Recorded(Backoff):
    """No waiting, and a note of how long each worker had lived."""

    def __init__(self, lives: list[float]) -> None:
        super().__init__()
        self._lives = lives

    def delay_s(self, *, lived_s: float) -> float:
        self._lives.append(lived_s)
        return 0.0


@asynccontextmanager
async def _running(count: int = 2, patience: Patience | None = None) -> AsyncIterator[_Kit]:
    kit = _Kit(count, patience)
    kit.workers.start()
    await kit.until(lambda: len(kit.fakes) == count)
    await asyncio.sleep(0)
    try:
        yield kit
    finally:
        await kit.workers.close()


def _run(act: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(GIVE_UP_S):
            await act()

    asyncio.run(bounded())


def test_ready_is_said_once_when_all_are() -> None:
    """Not by the first, nor again by a replacement."""

    async def act() -> None:
        async with _running() as kit:
            said: list[bool] = []
            kit.workers.on_ready = lambda: said.append(True)
            kit.fakes[0].ready()
            assert not said
            kit.fakes[1].ready()
            kit.fakes[0].kill()
            await kit.until(lambda: len(kit.fakes) == 3)
            await asyncio.sleep(0)
            kit.fakes[2].ready()
            assert said == [True]

    _run(act)


def test_dead_worker_is_replaced_in_its_place_and_what_it_held_is_booked() -> None:
    """Under its name, counted, with nothing left behind."""

    async def act() -> None:
        async with _running() as kit:
            first = kit.fakes[0]
            first.ready()
            first.tally.answers_taken(4)
            first.tally.request_ended()
            first.end("SIGSEGV")
            await kit.until(lambda: len(kit.fakes) == 3)
            assert kit.fakes[2].name == first.name == "worker-1"
            assert first.released
            assert kit.sample("guardtune_worker_restarts_total") == 1
            assert kit.sample("guardtune_requests_lost_total") == 1
            assert kit.sample("guardtune_unjudged_total", reason="worker_died") == 4
            assert kit.sample("guardtune_workers") == 2

    _run(act)


def test_worker_that_was_never_ready_counts_as_one_that_did_not_live() -> None:
    """However long it loaded: else one that fails after a minute is started at once for ever."""

    async def act() -> None:
        async with _running(1) as kit:
            kit.fakes[0].end("exit status 1")
            await kit.until(lambda: len(kit.fakes) == 2)
            await asyncio.sleep(0)
            kit.fakes[1].ready()
            kit.fakes[1].end("exit status 1")
            await kit.until(lambda: len(kit.fakes) == 3)
            assert kit.delays[0] == 0
            assert kit.delays[1] > 0

    _run(act)


def test_process_that_cannot_be_had_is_tried_again() -> None:
    """The machine may be short of them for a while."""

    async def act() -> None:
        async with _running(1) as kit:
            kit.n_failures = 2
            kit.fakes[0].kill()
            await kit.until(lambda: len(kit.fakes) == 2)
            assert kit.n_failures == 0

    _run(act)


def test_bug_in_starting_a_worker_does_not_cost_its_place(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever is raised: the next one may do better."""

    async def act() -> None:
        async with _running(1) as kit:
            kit.n_failures, kit.error = 2, ValueError("cannot pickle this")
            kit.fakes[0].kill()
            await kit.until(lambda: len(kit.fakes) == 2)
        assert caplog.text.count("event=worker_not_started") == 2

    _run(act)


def _failures(kit: _Kit) -> list[Failed]:
    failures: list[Failed] = []
    kit.workers.on_failure = failures.append
    return failures


def test_server_ends_when_starts_come_to_nothing_again_and_again() -> None:
    """Each for another reason of its own, and nobody is served: a supervisor should know."""

    async def act() -> None:
        async with _running(1) as kit:
            failures = _failures(kit)
            for _ in range(MOST_STARTS):
                assert not failures
                await kit.until(lambda: kit.workers.pids)
                kit.fakes[-1].end("SIGSEGV")
                await kit.until(lambda: not kit.workers.pids)
            await kit.until(lambda: failures)
            assert failures[0].message == (
                "worker-1 was started 5 times and was never ready (SIGSEGV); see the log."
            )
            assert not failures[0].is_mistake

    _run(act)


def test_starts_that_come_to_nothing_go_on_while_another_worker_answers() -> None:
    """Half of a server is better than none; and one that was ready begins the count anew."""

    async def act() -> None:
        async with _running(2) as kit:
            failures = _failures(kit)
            kit.fakes[1].ready()
            kit.fakes[0].end("SIGSEGV")
            kit.n_failures = 3 * MOST_STARTS
            await kit.until(lambda: len(kit.fakes) == 3)
            await asyncio.sleep(0)
            assert not failures
            kit.fakes[2].ready()
            kit.n_failures = MOST_STARTS - 1
            kit.fakes[1].end("SIGSEGV")
            kit.fakes[2].end("SIGSEGV")
            await kit.until(lambda: len(kit.fakes) == 5)
            assert not failures

    _run(act)


def test_reason_of_a_worker_that_cannot_start_is_passed_on() -> None:
    """At the start, where somebody looks; later it is tried again."""

    async def act() -> None:
        async with _running(1) as kit:
            failures: list[Failed] = []
            kit.workers.on_failure = failures.append
            kit.fakes[0].failure = Failed("no judge", is_mistake=True)
            kit.fakes[0].end("exit status 1")
            await kit.until(lambda: failures)
            await kit.until(lambda: len(kit.fakes) == 2)
            await asyncio.sleep(0)
            kit.fakes[1].ready()
            kit.fakes[1].failure = Failed("again", is_mistake=True)
            kit.fakes[1].end("exit status 1")
            await kit.until(lambda: len(kit.fakes) == 3)
            assert [failure.message for failure in failures] == ["no judge"]

    _run(act)


def test_message_that_cannot_be_taken_costs_the_worker_and_not_its_place(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A bug of ours; the next one may do better."""

    async def act() -> None:
        async with _running(1) as kit:
            first = kit.fakes[0]
            first.error = ValueError("what is this")
            first.end("")
            await kit.until(lambda: len(kit.fakes) == 2)
            assert first.was_killed
            assert first.released
        assert "event=worker_unreadable" in caplog.text

    _run(act)


def test_look_at_the_figures_asks_all_that_are_ready() -> None:
    """Those of a worker that does not answer come later."""

    async def act() -> None:
        async with _running(3) as kit:
            for number, fake in enumerate(kit.fakes):
                fake.metrics.internal_errors.inc(10**number)
            kit.fakes[0].ready()
            kit.fakes[1].ready()
            kit.fakes[1].answers = False
            await kit.workers.report()
            assert kit.sample("guardtune_internal_errors_total") == 1

    _run(act)


def test_prober_is_a_worker_that_is_ready_and_not_about_to_end() -> None:
    """Waited for where there is none."""

    async def act() -> None:
        async with _running() as kit:
            waiting = spawn(kit.workers.prober(), name="waiting")
            await asyncio.sleep(0)
            assert not waiting.done()
            kit.fakes[1].ready()
            assert cast("object", await waiting) is kit.fakes[1]
            kit.fakes[0].ready()
            assert cast("object", await kit.workers.prober()) is kit.fakes[0]
            kit.fakes[0].takes_probes = False
            assert cast("object", await kit.workers.prober()) is kit.fakes[1]

    _run(act)


def test_news_reach_all() -> None:
    """Also those that still load."""

    async def act() -> None:
        async with _running() as kit:
            kit.workers.tell(news := Policies(Snapshot()))
            assert [fake.told for fake in kit.fakes] == [[news], [news]]

    _run(act)


def test_closing_drains_all_and_kills_who_does_not() -> None:
    """Nobody is replaced any more; what drains says is counted."""

    async def act() -> None:
        async with _running() as kit:
            for fake in kit.fakes:
                fake.metrics.internal_errors.inc()
            kit.fakes[1].drains = False
            await kit.workers.close()
            assert [fake.how for fake in kit.fakes] == ["exit status 0", "SIGKILL"]
            assert kit.sample("guardtune_internal_errors_total") == 1
            assert kit.sample("guardtune_worker_restarts_total") == 0
            assert len(kit.fakes) == 2

    _run(act)


def test_hung_worker_is_killed_and_replaced(caplog: pytest.LogCaptureFixture) -> None:
    """One that loads is left alone."""
    patience = Patience(interval_s=0.001, max_unanswered=3)

    async def act() -> None:
        async with _running(2, patience) as kit:
            for fake in kit.fakes:
                fake.answers = False
            kit.fakes[0].ready()
            await kit.until(lambda: len(kit.fakes) == 3)
            assert [fake.how for fake in kit.fakes] == ["SIGKILL", "", ""]
        assert "event=worker_hung worker=worker-1" in caplog.text

    _run(act)
