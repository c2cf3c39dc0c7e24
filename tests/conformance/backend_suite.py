"""What every backend must do; each backend's test class inherits it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from proxy.backends.base import Backend, Reply
from proxy.domain import ChatRequest, Transcript
from proxy.errors import BackendError

MODEL = "served"
NOT_OURS = {b"content-length", b"transfer-encoding", b"connection", b"set-cookie", b"server"}


@dataclass(frozen=True, slots=True)
class Script:
    """What the model behind the backend is to do.

    Args:
        deltas: the answer, piece by piece.
        status: an error status instead of an answer.
        break_after: break off after this many deltas.
        hold_after: send this many deltas, then nothing until the client has left.
    """

    deltas: tuple[str, ...] = ("Good ", "morning, ", "world.")
    status: int = 200
    break_after: int | None = None
    hold_after: int | None = None


@dataclass(frozen=True, slots=True)
class Served:
    """A started backend.

    Args:
        backend: ready to be asked.
        freed: returns once nothing is running behind it any more.
    """

    backend: Backend
    freed: Callable[[], Awaitable[None]]


Act = Callable[[Served], Awaitable[None]]


class BackendSuite:
    """Inherit, and say how to serve a script."""

    follows_script = True
    """False for a real model: it says what it likes and has no faults on demand."""

    def serve(self, script: Script) -> AbstractAsyncContextManager[Served]:
        """A started backend whose model follows the script."""
        raise NotImplementedError

    def run(self, act: Act, script: Script = Script()) -> None:
        """Run ``act`` against a backend that is closed afterwards."""

        async def main() -> None:
            async with self.serve(script) as served:
                await act(served)
                await served.freed()

        asyncio.run(main())

    def test_model_and_capabilities_are_consistent(self) -> None:
        """Every alias means a setting that can be honoured, and names no setting's own field."""

        async def act(served: Served) -> None:
            capable = served.backend.capabilities
            assert served.backend.model == MODEL
            assert set(capable.aliases.values()) <= set(capable.settings)
            assert not set(capable.aliases) & set(capable.settings.values())
            assert {"temperature", "max_tokens"} <= set(capable.settings)

        self.run(act)

    def test_plain_answer_is_one_chat_completion(self) -> None:
        """Body, headers and transcript agree."""

        async def act(served: Served) -> None:
            transcript = Transcript()
            async with served.backend.chat(ask(), transcript) as reply:
                body = msgspec.json.decode(await whole(reply))
            assert reply.status == 200
            assert content_type(reply).startswith(b"application/json")
            assert body["object"] == "chat.completion"
            (choice,) = body["choices"]
            assert choice["message"]["role"] == "assistant"
            assert choice["message"]["content"] == transcript.text
            assert choice["finish_reason"] == transcript.finish_reason
            self._check(transcript)

        self.run(act)

    def test_streamed_answer_is_events_that_end_with_done(self) -> None:
        """The deltas together are the answer."""

        async def act(served: Served) -> None:
            transcript = Transcript()
            async with served.backend.chat(ask(stream=True), transcript) as reply:
                chunks = events(await whole(reply))
            assert reply.status == 200
            assert content_type(reply).startswith(b"text/event-stream")
            assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
            deltas = [chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks]
            assert "".join(deltas) == transcript.text
            assert chunks[-1]["choices"][0]["finish_reason"] == transcript.finish_reason
            self._check(transcript)

        self.run(act)

    def test_stream_counts_tokens_if_asked(self) -> None:
        """The last chunk has no choices and the counts."""

        async def act(served: Served) -> None:
            transcript = Transcript()
            request = ask(stream=True, stream_options={"include_usage": True})
            async with served.backend.chat(request, transcript) as reply:
                last = events(await whole(reply))[-1]
            assert last["choices"] == []
            assert transcript.usage is not None
            assert last["usage"]["prompt_tokens"] == transcript.usage.prompt_tokens > 0
            assert last["usage"]["completion_tokens"] == transcript.usage.completion_tokens > 0

        self.run(act)

    def test_only_safe_headers_are_passed_on(self) -> None:
        """Framing belongs to the connection, cookies to nobody."""

        async def act(served: Served) -> None:
            for stream in (False, True):
                async with served.backend.chat(ask(stream=stream), Transcript()) as reply:
                    await whole(reply)
                names = [name for name, _ in reply.headers]
                assert all(name == name.lower() for name in names)
                assert names.count(b"content-type") == 1
                assert not set(names) & NOT_OURS

        self.run(act)

    def test_answers_at_once_do_not_mix(self) -> None:
        """Eight requests together, eight whole answers."""

        async def act(served: Served) -> None:
            async def one(*, stream: bool) -> str:
                transcript = Transcript()
                async with served.backend.chat(ask(stream=stream), transcript) as reply:
                    await whole(reply)
                self._check(transcript)
                return transcript.text

            answers = await asyncio.gather(*(one(stream=i % 2 == 0) for i in range(8)))
            assert all(answers)

        self.run(act)

    def test_leaving_midway_frees(self) -> None:
        """The client goes after the first piece."""

        async def act(served: Served) -> None:
            transcript = Transcript()
            async with served.backend.chat(ask(stream=True), transcript) as reply:
                async for _ in reply.chunks:
                    break
            assert not transcript.is_complete

        self.run(act, Script(hold_after=1))

    def test_leaving_before_the_first_piece_frees(self) -> None:
        """The client goes without having read anything."""

        async def act(served: Served) -> None:
            async with served.backend.chat(ask(stream=True), Transcript()):
                pass

        self.run(act, Script(hold_after=1))

    @pytest.mark.parametrize("stream", [False, True])
    def test_cancelling_while_waiting_frees(self, *, stream: bool) -> None:
        """The client goes while the model still thinks."""

        async def act(served: Served) -> None:
            async def one() -> None:
                async with served.backend.chat(ask(stream=stream), Transcript()) as reply:
                    await whole(reply)

            task = asyncio.get_running_loop().create_task(one())
            for _ in range(100):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        self.run(act, Script(hold_after=0))

    @pytest.mark.parametrize("stream", [False, True])
    @pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
    def test_error_of_the_model_passes_through(self, status: int, *, stream: bool) -> None:
        """Its status, and a body that OpenAI's clients understand."""
        self._needs_script()

        async def act(served: Served) -> None:
            transcript = Transcript()
            async with served.backend.chat(ask(stream=stream), transcript) as reply:
                body = msgspec.json.decode(await whole(reply))
            assert reply.status == status
            assert content_type(reply).startswith(b"application/json")
            assert isinstance(body["error"]["message"], str)
            assert transcript.error_type == "provider"
            assert not transcript.is_complete

        self.run(act, Script(status=status))

    @pytest.mark.parametrize("break_after", [1, 2])
    def test_breaking_off_midway_is_an_error_from_the_chunks(self, break_after: int) -> None:
        """What came is passed on; then the stream raises, and nobody takes it for whole."""
        self._needs_script()
        script = Script(break_after=break_after)

        async def act(served: Served) -> None:
            transcript = Transcript()
            seen: list[bytes] = []
            async with served.backend.chat(ask(stream=True), transcript) as reply:
                with pytest.raises(BackendError) as caught:
                    await _keep(reply, seen)
            assert caught.value.model == MODEL
            assert caught.value.error_type == transcript.error_type == "closed"
            assert transcript.text == "".join(script.deltas[:break_after])
            assert b"[DONE]" not in b"".join(seen)
            assert not transcript.is_complete

        self.run(act, script)

    def test_closing_twice_is_harmless(self) -> None:
        """Shutdown paths meet."""

        async def act(served: Served) -> None:
            await served.backend.close()
            await served.backend.close()

        self.run(act)

    def _check(self, transcript: Transcript) -> None:
        assert transcript.is_complete
        assert transcript.has_text
        if self.follows_script:
            assert transcript.text == "".join(Script().deltas)
            assert transcript.finish_reason == "stop"

    def _needs_script(self) -> None:
        if not self.follows_script:
            pytest.skip("a real model has no faults on demand")


def ask(**fields: Any) -> ChatRequest:
    """A small request."""
    messages = ({"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello!"})
    return ChatRequest(MODEL, messages, {"max_tokens": 16, **fields})


async def whole(reply: Reply) -> bytes:
    """All chunks of a reply."""
    return b"".join([chunk async for chunk in reply.chunks])


async def _keep(reply: Reply, seen: list[bytes]) -> None:
    async for chunk in reply.chunks:
        seen.append(chunk)  # noqa: PERF401 - what came before the break is kept


def events(body: bytes) -> list[Any]:
    """The decoded events of a stream that ends with ``[DONE]``."""
    *frames, done, rest = body.split(b"\n\n")
    assert (done, rest) == (b"data: [DONE]", b"")
    return [msgspec.json.decode(frame.removeprefix(b"data: ")) for frame in frames]


def content_type(reply: Reply) -> bytes:
    """The reply's content type."""
    return dict(reply.headers)[b"content-type"]
