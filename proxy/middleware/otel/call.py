"""One request to a model as a span of its own, from the asking to the last byte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from proxy.backends.base import Reply
from proxy.domain import ORIGIN, ChatRequest, Transcript
from proxy.errors import BackendError, OverloadedError, RequestError
from proxy.middleware.otel import genai

if TYPE_CHECKING:
    from proxy.middleware.otel.signals import Attributes, Signals

_FIRST_ERROR_STATUS = 400


@dataclass(frozen=True, slots=True)
class Terms:
    """What is known of a call before it is made.

    Args:
        signals: where it is told.
        operation: the conventions' word for the route.
        labels: of its metrics; the span has them, too.
        is_ours: whether the model runs here: then we are its server as well as its client.
        clock: seconds.
        arrived: when the request came, on that clock.
    """

    signals: Signals
    operation: str
    labels: Attributes
    is_ours: bool
    clock: Callable[[], float]
    arrived: float


class Call:
    """``async with``: a backend's own exchange, watched.

    Args:
        exchange: the backend's.
        request: as it is sent.
        transcript: filled while it answers.
        terms: what is known beforehand.
    """

    def __init__(
        self,
        exchange: AbstractAsyncContextManager[Reply],
        request: ChatRequest,
        transcript: Transcript,
        terms: Terms,
    ) -> None:
        self._exchange = exchange
        self._request = request
        self._transcript = transcript
        self._terms = terms
        self._status = 0
        self._first_chunk: float | None = None
        self._first_token: float | None = None

    async def __aenter__(self) -> Reply:
        terms = self._terms
        signals = terms.signals
        self._started = terms.clock()
        self._span = signals.start(
            f"{terms.operation} {self._request.model}",
            "internal" if terms.is_ours else "client",
            {**terms.labels, **genai.asked(self._request)},
        )
        if signals.captures_content and self._span.is_recording():
            self._span.set_attributes(genai.texts_asked(self._request.messages))
        self._origin = signals.within(self._span)
        ORIGIN.set(self._origin)
        try:
            reply = await self._exchange.__aenter__()
        except BaseException as error:
            self._end(_failure(error))
            raise
        self._status = reply.status
        if reply.body is not None:
            return reply
        return Reply(reply.status, reply.headers, _Watched(reply.chunks, self._saw_chunk))

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self._exchange.__aexit__(kind, error, trace)
        finally:
            self._end(_failure(error) or self._transcript.error_type or self._bad_status())

    def _bad_status(self) -> str | None:
        return str(self._status) if self._status >= _FIRST_ERROR_STATUS else None

    def _saw_chunk(self) -> None:
        if self._first_token is not None:
            return
        now = self._terms.clock()
        if self._first_chunk is None:
            self._first_chunk = now
        if self._transcript.has_text:
            self._first_token = now

    def _end(self, failure: str | None) -> None:
        # Of several models asked, one that has failed may end after the next one has begun.
        if ORIGIN.get() is self._origin:
            ORIGIN.set(None)
        span, signals = self._span, self._terms.signals
        span.set_attributes(genai.answered(self._transcript))
        if signals.captures_content and span.is_recording():
            span.set_attributes(genai.texts_answered(self._transcript))
        if failure is not None:
            signals.fail(span, failure)
        self._measure({**self._terms.labels, **({"error.type": failure} if failure else {})})
        span.end()

    def _measure(self, labels: dict[str, Any]) -> None:
        signals, now = self._terms.signals, self._terms.clock()
        # With the span's context an exemplar leads from a bucket to its trace.
        within = signals.within(self._span)
        signals.call_duration.record(now - self._started, labels, context=within)
        usage = self._transcript.usage
        if usage is not None:
            for kind, n in (("input", usage.prompt_tokens), ("output", usage.completion_tokens)):
                signals.tokens.record(n, {**self._terms.labels, "gen_ai.token.type": kind})
        if self._first_chunk is not None and self._request.is_stream:
            after_s = self._first_chunk - self._started
            self._span.set_attribute("gen_ai.response.time_to_first_chunk", after_s)
            signals.first_chunk.record(after_s, labels)
        if self._terms.is_ours:
            signals.served_duration.record(now - self._terms.arrived, labels, context=within)
            self._measure_tokens(labels, now)

    def _measure_tokens(self, labels: dict[str, Any], now: float) -> None:
        """Of a stream of a model that runs here, where its tokens can be told apart in time."""
        if self._first_token is None or not self._request.is_stream or "error.type" in labels:
            return
        signals, usage = self._terms.signals, self._transcript.usage
        signals.first_token.record(self._first_token - self._terms.arrived, labels)
        if usage is not None and usage.completion_tokens > 1:
            per_token = (now - self._first_token) / (usage.completion_tokens - 1)
            signals.per_token.record(per_token, labels)


class _Watched:
    """An answer's chunks; each is told as it comes."""

    __slots__ = ("_chunks", "_tell")

    def __init__(self, chunks: AsyncIterator[bytes], tell: Callable[[], None]) -> None:
        self._chunks = chunks
        self._tell = tell

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        chunk = await self._chunks.__anext__()
        self._tell()
        return chunk


def _failure(error: BaseException | None) -> str | None:
    """One of few words for why there was no whole answer."""
    match error:
        case None:
            return None
        case BackendError():
            return error.error_type
        case OverloadedError():
            return error.reason
        case RequestError():
            return str(error.status)
        case asyncio.CancelledError():
            return "cancelled"
        case _:
            return type(error).__name__
