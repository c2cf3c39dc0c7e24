"""One call of a model as a span, and what is measured of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import pytest

from proxy.backends.base import Reply
from proxy.domain import ORIGIN, ChatRequest, Transcript, Usage
from proxy.errors import BackendError
from proxy.middleware.otel.call import Call, Terms
from tests.otel import Kept, kept

pytestmark = pytest.mark.otel

LABELS = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "m",
    "gen_ai.provider.name": "scripted",
}
STREAM = ChatRequest("m", ({"role": "user", "content": "private"},), {"stream": True})


def _terms(found: Kept, *, is_ours: bool = True) -> Terms:
    ticks = count(1)
    return Terms(found.signals, "chat", LABELS, is_ours, lambda: float(next(ticks)), 0.0)


@asynccontextmanager
async def _stream(transcript: Transcript) -> AsyncIterator[Reply]:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"role"
        transcript.add_text("private")
        yield b"text"
        transcript.finish_reason, transcript.usage = "stop", Usage(5, 3)
        yield b"end"

    yield Reply(200, (), chunks())


def test_stream_is_told_from_its_first_chunk_to_its_last() -> None:
    """By a clock that ticks once a look: each figure is known."""
    found, transcript = kept(), Transcript()

    async def run() -> None:
        call = Call(_stream(transcript), STREAM, transcript, _terms(found))
        async with call as reply:
            assert ORIGIN.get() is not None
            assert [chunk async for chunk in reply.chunks] == [b"role", b"text", b"end"]
        assert ORIGIN.get() is None

    asyncio.run(run())
    span = found.span("chat m")
    assert span.attributes["gen_ai.usage.input_tokens"] == 5
    assert span.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert span.attributes["gen_ai.response.time_to_first_chunk"] == 1.0
    assert "private" not in span.to_json()
    (duration,) = found.points("gen_ai.client.operation.duration")
    assert (duration.sum, dict(duration.attributes)) == (3.0, LABELS)
    (first,) = found.points("gen_ai.server.time_to_first_token")
    assert first.sum == 3.0
    (each,) = found.points("gen_ai.server.time_per_output_token")
    assert each.sum == 0.5
    used = {
        point.attributes["gen_ai.token.type"]: point.sum
        for point in found.points("gen_ai.client.token.usage")
    }
    assert used == {"input": 5, "output": 3}


def test_upstream_is_somebody_elses_server() -> None:
    """We are its client only."""
    found, transcript = kept(), Transcript()

    async def run() -> None:
        call = Call(_stream(transcript), STREAM, transcript, _terms(found, is_ours=False))
        async with call as reply:
            assert [chunk async for chunk in reply.chunks]

    asyncio.run(run())
    assert found.span("chat m").kind.name == "CLIENT"
    assert found.points("gen_ai.server.request.duration") == []
    assert len(found.points("gen_ai.client.operation.time_to_first_chunk")) == 1


@asynccontextmanager
async def _refusing() -> AsyncIterator[Reply]:
    raise BackendError("private", model="m", error_type="connect")
    yield


def test_failure_is_told_by_its_kind() -> None:
    """On the span and in the metrics; the message stays out."""
    found, transcript = kept(), Transcript()

    async def run() -> None:
        with pytest.raises(BackendError):
            async with Call(_refusing(), STREAM, transcript, _terms(found)):
                pass
        assert ORIGIN.get() is None

    asyncio.run(run())
    span = found.span("chat m")
    assert span.attributes["error.type"] == "connect"
    assert not span.status.is_ok
    assert "private" not in span.to_json()
    (duration,) = found.points("gen_ai.client.operation.duration")
    assert duration.attributes["error.type"] == "connect"


def test_texts_are_captured_where_that_is_wanted() -> None:
    """Both of them, in the conventions' form."""
    found, transcript = kept(captures_content=True), Transcript()

    async def run() -> None:
        async with Call(_stream(transcript), STREAM, transcript, _terms(found)) as reply:
            assert [chunk async for chunk in reply.chunks]

    asyncio.run(run())
    span = found.span("chat m")
    assert "private" in span.attributes["gen_ai.input.messages"]
    assert "private" in span.attributes["gen_ai.output.messages"]
