from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from threading import Event as ThreadEvent

import pytest

from proxy.engine.engine import Engine, Generation, Piece
from proxy.engine.sampling import Sampling
from proxy.engine.scheduler import Limits
from proxy.engine.stats import Pulse
from proxy.errors import BackendError, ContextLengthError, OverloadedError, RequestError
from tests.proxy.engine.fake_runtime import FakeRuntime

ONE = (Sampling(),)


@asynccontextmanager
async def running(runtime: FakeRuntime, *, max_queued: int = 4) -> AsyncIterator[Engine]:
    """A started engine with two slots."""
    limits = Limits(slots=2, prefixes=2, n_cells=runtime.n_cells)
    engine = Engine("fake", lambda: runtime, limits=limits, max_queued=max_queued)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.close()
        assert runtime.is_closed
        assert runtime.samplers == set()


async def pieces(generation: Generation) -> list[Piece]:
    """All of an answer."""
    return [piece async for step in generation for piece in step]


def text(parts: Sequence[Piece], choice: int = 0) -> str:
    """One choice's text."""
    return "".join(part.text for part in parts if part.choice == choice)


class Gate:
    """A script that lets a given number of tokens pass and then waits to be opened."""

    def __init__(self, n_free: int = 0) -> None:
        self._left = n_free
        self.open = ThreadEvent()

    def __call__(self, tokens: Sequence[int]) -> int:
        """An ``x``, when it may."""
        self._left -= 1
        if self._left < 0:
            assert self.open.wait(10)
        return ord("x")


def test_answer_comes_with_reason_and_counts() -> None:
    """The last piece says why it ended and what it cost."""

    async def scenario() -> None:
        async with running(FakeRuntime()) as engine:
            generation = engine.submit([1, 2], max_tokens=3, samplings=ONE)
            parts = await pieces(generation)
            await engine.cancel(generation)
            assert text(parts) == "cde"
            assert parts[-1].finish_reason == "length"
            assert parts[-1].counts is not None
            assert parts[-1].counts.n_prompt == 2

    asyncio.run(scenario())


def test_several_answers_share_one_prefill() -> None:
    """With n = 2 all of the prompt but its last token is computed once."""

    async def scenario() -> None:
        runtime = FakeRuntime()
        async with running(runtime) as engine:
            prompt = list(range(40))
            generation = engine.submit(
                prompt, max_tokens=2, samplings=(Sampling(seed=1), Sampling(seed=2))
            )
            parts = await pieces(generation)
            assert len(text(parts, 0)) == len(text(parts, 1)) == 2
        assert runtime.batches[:2] == [39 + 2, 2]
        assert [sampling.seed for sampling in runtime.samplings] == [1, 2]

    asyncio.run(scenario())


def test_cancel_returns_when_the_slot_is_free() -> None:
    """The next request gets it, and the cancelled answer simply ends."""

    async def scenario() -> None:
        gate = Gate(n_free=1)
        runtime = FakeRuntime(gate)
        async with running(runtime) as engine:
            generation = engine.submit([1], max_tokens=500, samplings=ONE)
            async for _ in generation:
                break
            cancelling = asyncio.gather(engine.cancel(generation))
            await asyncio.sleep(0)
            gate.open.set()
            await cancelling
            assert engine.stats.n_processing == 0
            assert runtime.n_used == 0
            assert all(part.finish_reason is None for part in await pieces(generation))
            await engine.cancel(generation)

    asyncio.run(scenario())


def test_pulse_is_of_now_even_while_a_step_takes_its_time() -> None:
    """Who waits counts from the asking on; the steps stand still until one has ended."""

    async def scenario() -> None:
        gate = Gate(n_free=1)
        async with running(FakeRuntime(gate)) as engine:
            assert engine.pulse == Pulse()
            generation = engine.submit([1], max_tokens=500, samplings=ONE)
            assert engine.pulse.n_open == 1
            async for _ in generation:
                break
            assert engine.pulse.n_steps <= 1
            gate.open.set()
            await engine.cancel(generation)
            assert engine.pulse.n_open == 0
            assert engine.pulse.n_steps >= 1

    asyncio.run(scenario())


def test_full_queue_refuses_at_once_and_recovers() -> None:
    """Two run, one waits, the fourth is refused; after a cancel there is room again."""

    async def scenario() -> None:
        gate = Gate()
        async with running(FakeRuntime(gate), max_queued=1) as engine:
            accepted = [engine.submit([1], max_tokens=5, samplings=ONE) for _ in range(3)]
            with pytest.raises(OverloadedError) as caught:
                engine.submit([1], max_tokens=5, samplings=ONE)
            assert caught.value.reason == "queue_full"
            gate.open.set()
            for generation in accepted:
                await engine.cancel(generation)
            parts = await pieces(engine.submit([1], max_tokens=5, samplings=ONE))
            assert text(parts) == "xxxxx"

    asyncio.run(scenario())


def test_more_answers_than_fit_are_the_clients_mistake() -> None:
    """Waiting would not help."""

    async def scenario() -> None:
        async with running(FakeRuntime(), max_queued=1) as engine:
            with pytest.raises(RequestError, match="at most 3") as caught:
                engine.submit([1], max_tokens=1, samplings=ONE * 4)
            assert caught.value.param == "n"

    asyncio.run(scenario())


def test_prompt_without_room_for_an_answer_is_refused() -> None:
    """Both numbers are in the error; a prompt that just fits gets what is left."""

    async def scenario() -> None:
        async with running(FakeRuntime(n_cells=10)) as engine:
            with pytest.raises(ContextLengthError) as caught:
                engine.submit(range(10), max_tokens=1, samplings=ONE)
            assert (caught.value.n_prompt_tokens, caught.value.n_ctx_tokens) == (10, 10)
            parts = await pieces(engine.submit(range(8), max_tokens=99, samplings=ONE))
            assert len(text(parts)) == 2

    asyncio.run(scenario())


def test_crash_fails_everybody_instead_of_hanging() -> None:
    """Those who wait, and those who come later."""

    async def scenario() -> None:
        async with running(FakeRuntime(fail_at=2, error=ZeroDivisionError("boom"))) as engine:
            waiting = [engine.submit([1], max_tokens=9, samplings=ONE) for _ in range(3)]
            for generation in waiting:
                with pytest.raises(BackendError, match="ZeroDivisionError"):
                    await pieces(generation)
                await engine.cancel(generation)
            with pytest.raises(BackendError, match="ZeroDivisionError"):
                engine.submit([1], max_tokens=1, samplings=ONE)

    asyncio.run(scenario())


def test_close_ends_what_runs_and_refuses_what_comes() -> None:
    """Both with the reason draining; closing again is harmless."""

    async def scenario() -> None:
        gate = Gate(n_free=1)
        async with running(FakeRuntime(gate)) as engine:
            generation = engine.submit([1], max_tokens=500, samplings=ONE)
            async for _ in generation:
                break
            gate.open.set()
            await engine.close()
            with pytest.raises(OverloadedError, match="draining"):
                await pieces(generation)
            with pytest.raises(OverloadedError, match="draining"):
                engine.submit([1], max_tokens=1, samplings=ONE)

    asyncio.run(scenario())


def test_close_can_let_running_answers_finish() -> None:
    """Within the time it is given."""

    async def scenario() -> None:
        async with running(FakeRuntime()) as engine:
            generation = engine.submit([1], max_tokens=50, samplings=ONE)
            await engine.close(drain_s=10)
            assert len(text(await pieces(generation))) == 50

    asyncio.run(scenario())


def test_close_ends_what_does_not_finish_in_the_time_it_is_given() -> None:
    """A long answer is cut off with the reason."""

    async def scenario() -> None:
        async with running(FakeRuntime(n_cells=1_000_000)) as engine:
            generation = engine.submit([1], max_tokens=900_000, samplings=ONE)
            await engine.close(drain_s=0.01)
            with pytest.raises(OverloadedError, match="draining"):
                await pieces(generation)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "use",
    [lambda engine: engine.runtime, lambda engine: engine.submit([1], max_tokens=1, samplings=ONE)],
)
def test_engine_that_has_not_started_says_so(use: Callable[[Engine], object]) -> None:
    """Instead of failing on None."""
    engine = Engine("fake", FakeRuntime, limits=Limits(1, 1, 10), max_queued=0)
    with pytest.raises(BackendError, match="not started"):
        use(engine)


def test_failed_start_raises_what_loading_raised() -> None:
    """The thread ends, and closing is harmless."""

    def explode() -> FakeRuntime:
        raise FileNotFoundError("model.gguf")

    async def scenario() -> None:
        engine = Engine("fake", explode, limits=Limits(1, 1, 10), max_queued=0)
        with pytest.raises(FileNotFoundError, match=r"model\.gguf"):
            await engine.start()
        await engine.close()

    asyncio.run(scenario())
