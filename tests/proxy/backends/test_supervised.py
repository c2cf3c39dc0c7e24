"""The engine's process, supervised: a scripted one for the faults, the real one for the rest."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from proxy.backends import supervised
from proxy.backends.backoff import Backoff
from proxy.backends.config import LlamaCppConfig
from proxy.backends.local_fields import CAPABILITIES
from proxy.backends.supervised import SupervisedBackend
from proxy.backends.watchdog import Patience
from proxy.domain import ChatRequest, Priority, Transcript
from proxy.errors import BackendError, ModelLoadError, OverloadedError, RequestError
from proxy.upstream.aiohttp_client import AiohttpClient
from tests.processes import is_running
from tests.scripted_engine import COMMAND

GIVE_UP_S = 60


class _Waiting(Backoff):
    """A child that died stays dead until the test says otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.lives: list[float] = []
        self.next_s = 3600.0

    def delay_s(self, *, lived_s: float) -> float:
        self.lives.append(lived_s)
        return self.next_s


@asynccontextmanager
async def _serving(
    path: str = "m.gguf", *, backoff: Backoff | None = None, patience: Patience | None = None
) -> AsyncIterator[SupervisedBackend]:
    backend = SupervisedBackend(
        LlamaCppConfig(name="m", path=path),
        command=COMMAND,
        backoff=backoff or Backoff(first_s=0),
        patience=patience,
    )
    await backend.start()
    try:
        yield backend
    finally:
        await backend.close()


def _run(act: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(GIVE_UP_S):
            await act()

    asyncio.run(bounded())


def _ask(text: str, *, stream: bool = False, priority: Priority = Priority.USER) -> ChatRequest:
    fields = {"stream": stream}
    return ChatRequest("m", ({"role": "user", "content": text},), fields, priority=priority)


async def _answer(backend: SupervisedBackend, request: ChatRequest) -> str:
    transcript = Transcript()
    async with backend.chat(request, transcript) as reply:
        async for _ in reply.chunks:
            pass
    assert transcript.is_complete
    return transcript.text


async def _until(condition: Callable[[], bool]) -> None:
    """Look again and again: another process's doing has no event."""
    while not condition():  # noqa: ASYNC110 - there is none to wait for
        await asyncio.sleep(0.01)


async def _idle(backend: SupervisedBackend) -> None:
    """Wait until nothing runs in the engine."""
    await backend.refresh_stats()
    while backend.stats.n_processing:
        await backend.refresh_stats()


def test_answers_like_the_backend_in_process() -> None:
    """Whole, streamed, and with its capabilities."""

    async def act() -> None:
        async with _serving() as backend:
            assert backend.model == "m"
            assert backend.capabilities is CAPABILITIES
            for stream in (False, True):
                assert await _answer(backend, _ask("hello", stream=stream)) == "Good day to you."

    _run(act)


def test_socket_is_in_a_private_folder_and_nothing_is_left_behind() -> None:
    """No process, no file."""

    async def act() -> None:
        async with _serving() as backend:
            folder, pid = backend._folder, backend.pid
            assert folder is not None
            assert pid is not None
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert [path.name for path in folder.iterdir()] == ["engine.sock"]
        assert not folder.exists()
        assert not is_running(pid)
        await backend.close()
        with pytest.raises(BackendError, match="not running"):
            await _answer(backend, _ask("hello"))

    _run(act)


def test_priority_crosses_the_socket() -> None:
    """Probes give way to users in the child too."""

    async def act() -> None:
        async with _serving() as backend:
            for priority in (Priority.USER, Priority.BACKGROUND, Priority.BACKGROUND):
                await _answer(backend, _ask("hello", priority=priority))
            await backend.refresh_stats()
            assert backend.stats.totals.n_predicted_tokens == 2

    _run(act)


def test_errors_are_those_of_the_backend_in_process() -> None:
    """Type, code, status and retry time: the client's JSON and the metrics are the same."""

    async def act() -> None:
        async with _serving() as backend:
            with pytest.raises(RequestError, match="9 tokens") as long:
                await _answer(backend, _ask("long"))
            assert (long.value.status, long.value.code) == (400, "context_length_exceeded")
            assert long.value.param == "messages"
            with pytest.raises(OverloadedError) as full:
                await _answer(backend, _ask("full", stream=True))
            assert (full.value.reason, full.value.retry_after_s) == ("queue_full", 3)

    _run(act)


def test_leaving_midway_frees_the_slot_across_the_socket() -> None:
    """The child sees its connection close."""

    async def act() -> None:
        async with _serving() as backend:
            async with backend.chat(_ask("hold", stream=True), Transcript()) as reply:
                await anext(reply.chunks)
                await backend.refresh_stats()
                assert backend.stats.n_processing == 1
            await _idle(backend)

    _run(act)


def test_streams_that_hold_all_connections_do_not_make_it_look_hung() -> None:
    """What is asked about the engine has connections of its own."""

    async def act() -> None:
        client = AiohttpClient(max_connections=1)
        backend = SupervisedBackend(
            LlamaCppConfig(name="m", path="m.gguf"), client, command=COMMAND
        )
        await backend.start()
        try:
            async with backend.chat(_ask("hold", stream=True), Transcript()) as reply:
                await anext(reply.chunks)
                await backend.refresh_stats()
                assert backend.stats.n_processing == 1
        finally:
            await backend.close()
            await client.close()

    _run(act)


def test_abort_midway_costs_the_stream_and_the_next_process_answers() -> None:
    """The stream raises and is not taken for whole; the restart is counted."""

    async def act() -> None:
        async with _serving() as backend:
            first, transcript, seen = backend.pid, Transcript(), b""
            with pytest.raises(BackendError) as caught:  # noqa: PT012 - what came before counts
                async with backend.chat(_ask("abort", stream=True), transcript) as reply:
                    async for chunk in reply.chunks:
                        seen += chunk
            assert (caught.value.status, caught.value.error_type) == (503, "engine")
            assert b"Good" in seen
            assert b"[DONE]" not in seen
            assert transcript.error_type == "engine"
            assert first is not None
            await _until(lambda: backend.restarts == 1)
            assert backend.is_ready
            assert backend.pid != first
            assert not is_running(first)
            assert await _answer(backend, _ask("hello")) == "Good day to you."

    _run(act)


@pytest.mark.gguf
def test_grammar_that_aborts_llama_cpp_costs_its_request_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The real library's abort; its last words are in the log, without what it had sampled."""

    async def act() -> None:
        async with _serving() as backend:
            with pytest.raises(BackendError, match="restarts by itself"):
                await _answer(backend, _ask("grammar"))
            await _until(lambda: backend.restarts == 1)
            assert await _answer(backend, _ask("hello")) == "Good day to you."

    _run(act)
    assert "how=SIGABRT" in caplog.text
    assert "accepting piece: …" in caplog.text


def test_engine_that_has_stopped_within_its_process_is_replaced_too() -> None:
    """A Python error in the engine's thread is as final as an abort."""

    async def act() -> None:
        async with _serving() as backend:
            with pytest.raises(BackendError, match="stopped"):
                await _answer(backend, _ask("broken"))
            await _until(lambda: backend.restarts == 1)
            assert await _answer(backend, _ask("hello")) == "Good day to you."

    _run(act)


@pytest.mark.parametrize("stream", [False, True])
def test_stopped_process_is_killed_and_the_next_one_answers(
    caplog: pytest.LogCaptureFixture,
    *,
    stream: bool,
) -> None:
    """It is alive, holds its socket open and says nothing; what waits for it gets 503."""
    patience = Patience(interval_s=0.01, answer_s=0.5, max_unanswered=2)

    async def act() -> None:
        async with _serving(patience=patience) as backend:
            stopped, returned = backend.pid, asyncio.Event()
            backend.on_return = returned.set
            assert stopped is not None
            os.kill(stopped, signal.SIGSTOP)
            with pytest.raises(BackendError, match="restarts by itself") as caught:
                await _answer(backend, _ask("hello", stream=stream))
            assert (caught.value.status, caught.value.retryable) == (503, True)
            await returned.wait()
            assert backend.restarts == 1
            assert backend.pid != stopped
            assert not is_running(stopped)
            assert await _answer(backend, _ask("hello")) == "Good day to you."

    _run(act)
    assert "engine_hung model=m" in caplog.text
    assert "how=SIGKILL" in caplog.text


def test_stopped_process_breaks_off_a_stream_that_had_begun() -> None:
    """With an error, so that nobody takes it for whole."""
    patience = Patience(interval_s=0.01, answer_s=0.5, max_unanswered=2)

    async def act() -> None:
        async with _serving(patience=patience) as backend:
            with pytest.raises(BackendError) as caught:  # noqa: PT012 - it stops in between
                async with backend.chat(_ask("hold", stream=True), Transcript()) as reply:
                    await anext(reply.chunks)
                    assert backend.pid is not None
                    os.kill(backend.pid, signal.SIGSTOP)
                    async for _ in reply.chunks:
                        pass
            assert (caught.value.status, caught.value.error_type) == (503, "engine")

    _run(act)


def test_step_that_does_not_end_is_brought_to_its_end(caplog: pytest.LogCaptureFixture) -> None:
    """The process answers, its engine does not get on."""
    patience = Patience(interval_s=0.01, answer_s=30, step_s=0.1)

    async def act() -> None:
        async with _serving(patience=patience) as backend:
            with pytest.raises(BackendError, match="stopped while it answered"):
                await _answer(backend, _ask("hold", stream=True))
            await _until(lambda: backend.restarts == 1)

    _run(act)
    assert "reason='one step for 0.1 s'" in caplog.text


@pytest.mark.parametrize("stream", [False, True])
def test_death_before_the_first_byte_is_a_503(*, stream: bool) -> None:
    """Retryable: the model has said nothing yet."""

    async def act() -> None:
        async with _serving() as backend:
            with pytest.raises(BackendError, match="restarts by itself") as caught:
                await _answer(backend, _ask("die", stream=stream))
            assert caught.value.status == 503
            assert caught.value.retryable

    _run(act)


def test_while_it_is_away_requests_get_503_with_a_time(caplog: pytest.LogCaptureFixture) -> None:
    """And the next `start` is not needed: it comes back by itself."""
    backoff = _Waiting()

    async def act() -> None:
        async with _serving(backoff=backoff) as backend:
            assert backend.pid is not None
            os.kill(backend.pid, signal.SIGKILL)
            await _until(lambda: not backend.is_ready)
            with pytest.raises(OverloadedError) as caught:
                await _answer(backend, _ask("hello"))
            assert caught.value.reason == "restarting"
            assert 1 <= caught.value.retry_after_s <= 3700
            await backend.refresh_stats()
            assert backend.pid is None

    _run(act)
    assert len(backoff.lives) == 1
    assert "how=SIGKILL" in caplog.text


def test_model_that_has_vanished_is_tried_again(tmp_path: Path) -> None:
    """After the start, a failure to load is no reason to give up."""
    path = tmp_path / "m.gguf"

    async def act() -> None:
        async with _serving(str(path)) as backend:
            missing = LlamaCppConfig(name="m", path=str(tmp_path / "missing.gguf"))
            found, backend._config = backend._config, missing
            tries = 0

            def count(*, lived_s: float) -> float:
                nonlocal tries
                tries += 1
                if tries == 3:
                    backend._config = found
                return 0.0

            backend._backoff.delay_s = count  # type: ignore[method-assign]  # a fault on the way
            assert backend.pid is not None
            os.kill(backend.pid, signal.SIGABRT)
            await _until(lambda: backend.restarts == 1)
            assert tries == 3
            assert await _answer(backend, _ask("hello")) == "Good day to you."

    _run(act)


def test_process_that_is_stuck_while_it_loads_is_given_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """At a restart: the next one is tried, which may take longer."""
    patience = Patience(load_s=0.5)

    async def act() -> None:
        async with _serving(patience=patience) as backend:
            found = backend._config
            backend._config = LlamaCppConfig(name="m", path="stuck.gguf")
            backend._load_s = 0.0
            tries: list[int] = []

            def count(*, lived_s: float) -> float:
                tries.append(len(tries))
                if len(tries) == 3:
                    backend._config = found
                return 0.0

            backend._backoff.delay_s = count  # type: ignore[method-assign]  # a fault on the way
            assert backend.pid is not None
            os.kill(backend.pid, signal.SIGKILL)
            await _until(lambda: backend.restarts == 1)
            assert len(tries) >= 3
            assert await _answer(backend, _ask("hello")) == "Good day to you."

    _run(act)
    assert "engine_load_hung model=m" in caplog.text
    assert "not ended within 0.5 s" in caplog.text
    assert "not ended within 1 s" in caplog.text


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/models/missing.gguf", "/models/missing.gguf: No such file. Name another."),
        ("/models/damaged.gguf", r"ended \(SIGABRT\) while it loaded .* damaged"),
    ],
)
def test_model_that_cannot_be_loaded_at_start_is_no_restart_loop(path: str, message: str) -> None:
    """The start fails, once, with the reason."""

    async def act() -> None:
        backend = SupervisedBackend(LlamaCppConfig(name="m", path=path), command=COMMAND)
        with pytest.raises(ModelLoadError, match=message):
            await backend.start()
        assert backend._folder is None
        assert backend._supervision is None

    _run(act)


def test_program_that_is_not_there_is_a_load_error() -> None:
    """With the system's own words."""

    async def act() -> None:
        config = LlamaCppConfig(name="m", path="m.gguf")
        backend = SupervisedBackend(config, command=("/no/such/program",))
        with pytest.raises(ModelLoadError, match="No such file"):
            await backend.start()

    _run(act)


def test_stats_that_make_no_sense_keep_the_old_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """/metrics must not fail because an engine does."""

    async def act() -> None:
        async with _serving() as backend:
            await backend.refresh_stats()
            before = backend.stats

            def nonsense(_data: bytes) -> object:
                raise msgspec.DecodeError("nonsense")

            monkeypatch.setattr(supervised, "decode_stats", nonsense)
            await backend.refresh_stats()
            assert backend.stats is before

    _run(act)
