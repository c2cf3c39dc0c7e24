"""One request to an OpenAI-compatible server, and its answer on the way back.

All of it is classes with explicit methods: it stands in the path of every request and every token,
where a generator under `asynccontextmanager` costs five times as much.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

import msgspec

from proxy.backends.base import Reply
from proxy.backends.config import RetriesConfig
from proxy.backends.observe import Observer, observe_whole, observer
from proxy.backends.observe_completions import Record, record_completion
from proxy.backends.retries import RETRIED, Reason, Retry, after_failure, after_status, uncounted
from proxy.domain import Transcript
from proxy.errors import BackendError, UpstreamError
from proxy.upstream.base import Headers, Pushes, Response, Take, Whole

_PASSED_ON = frozenset({
    b"content-type", b"content-encoding", b"retry-after", b"retry-after-ms", b"x-should-retry",
    b"openai-version", b"openai-processing-ms",
})  # fmt: skip
_PASSED_ON_PREFIX = b"x-ratelimit-"
"""All else stays here: cookies, hop-by-hop fields, whatever names the upstream or its owner."""

_JSON_TYPE = (b"content-type", b"application/json")
_FIRST_ERROR_STATUS = 400
_MAX_ERROR_BYTES = 2**20

Exchange = AbstractAsyncContextManager[Response]


class Terms(msgspec.Struct, frozen=True):
    """What holds for all requests to one model on one route.

    Args:
        model: the served name, for errors.
        key: our own at the server; an error that quotes it is passed on without it.
        record: reads answers into transcripts; None where nobody would look at them.
        retries: when to ask again.
        on_retry: told the reason of each retry.
    """

    model: str
    key: str = ""
    record: Record | None = record_completion
    retries: RetriesConfig = RetriesConfig(max_retries=0)
    on_retry: Callable[[Reason], None] = uncounted


class Forwarded:
    """One request, as an ``async with``; see :meth:`proxy.backends.base.Backend.chat`.

    Args:
        ask: sends it; called once more for each retry.
        transcript: filled on the side.
        terms: the model's.
    """

    __slots__ = ("_ask", "_exchange", "_terms", "_transcript")

    def __init__(self, ask: Callable[[], Exchange], transcript: Transcript, terms: Terms) -> None:
        self._ask = ask
        self._transcript = transcript
        self._terms = terms

    async def __aenter__(self) -> Reply:
        try:
            self._exchange = self._ask()
            response = await self._exchange.__aenter__()
        except UpstreamError as error:
            response = await self._again(error)
        else:
            if response.status in RETRIED:
                response = await self._again(response)
        headers, content_type, content_encoding = _reply_headers(response.headers)
        if response.status >= _FIRST_ERROR_STATUS:
            return await self._error(response, headers)
        body, record = response.body, self._terms.record
        if body is not None:
            observe_whole(
                self._transcript,
                body,
                content_type=content_type,
                content_encoding=content_encoding,
                record=record,
            )
            return Reply(response.status, headers, response.chunks, body)
        watch = observer(
            self._transcript,
            content_type=content_type,
            content_encoding=content_encoding,
            record=record,
        )
        chunks = _Observed(response.chunks, watch, self._failed)
        return Reply(response.status, headers, chunks)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._exchange.__aexit__(kind, error, trace)

    async def _again(self, outcome: UpstreamError | Response) -> Response:
        """Ask again while that is safe and allowed; returns or raises what came of it."""
        n_retries = 0
        while (retry := self._retry(outcome, n_retries)) is not None:
            if isinstance(outcome, Response):
                await self._exchange.__aexit__(None, None, None)
            self._terms.on_retry(retry.reason)
            n_retries += 1
            await asyncio.sleep(retry.pause_s)
            try:
                self._exchange = self._ask()
                outcome = await self._exchange.__aenter__()
            except UpstreamError as error:
                outcome = error
        if isinstance(outcome, UpstreamError):
            raise self._failed(outcome) from outcome
        return outcome

    def _retry(self, outcome: UpstreamError | Response, n_retries: int) -> Retry | None:
        limits = self._terms.retries
        if isinstance(outcome, UpstreamError):
            return after_failure(outcome, n_retries, limits)
        return after_status(outcome.status, dict(outcome.headers), n_retries, limits)

    async def _error(self, response: Response, headers: Headers) -> Reply:
        """An upstream's own error, as it is, but for our key, should it quote it."""
        self._transcript.error_type = "provider"
        body = bytearray()
        try:
            async for chunk in response.chunks:
                body += chunk
                if len(body) > _MAX_ERROR_BYTES:
                    break
        except BaseException as error:
            await self._exchange.__aexit__(type(error), error, error.__traceback__)
            if isinstance(error, UpstreamError):
                raise self._failed(error) from error
            raise
        key = self._terms.key
        said = bytes(body).replace(key.encode(), b"***") if key else bytes(body)
        return Reply(response.status, headers, Whole(said), said)

    def _failed(self, error: UpstreamError) -> BackendError:
        self._transcript.error_type = error.error_type
        return BackendError(
            f"Model {self._terms.model}: {error.message}",
            model=self._terms.model,
            error_type=error.error_type,
            status=504 if error.error_type == "timeout" else 502,
            retryable=not error.is_sent,
        )


class _Observed:
    """An answer's chunks, each shown to the observer before it is handed on."""

    _take: Take

    __slots__ = ("_chunks", "_failed", "_observer", "_take")

    def __init__(
        self,
        chunks: AsyncIterator[bytes],
        observer: Observer,
        failed: Callable[[UpstreamError], BackendError],
    ) -> None:
        self._chunks = chunks
        self._observer = observer
        self._failed = failed

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await self._chunks.__anext__()
        except StopAsyncIteration:
            self._observer.finish()
            raise
        except UpstreamError as error:
            raise self._failed(error) from error
        self._observer.feed(chunk)
        return chunk

    def push_to(self, take: Take) -> None:
        """See :class:`proxy.upstream.base.Pushes`; what is pushed is shown to the observer, too."""
        if isinstance(self._chunks, Pushes):
            self._take = take
            self._chunks.push_to(self._pushed)

    def _pushed(self, chunk: bytes) -> bool:
        if not self._take(chunk):
            return False
        self._observer.feed(chunk)
        return True


def _reply_headers(headers: Headers) -> tuple[Headers, bytes | None, bytes | None]:
    """Those that are passed on, and what they say of the body: its type and its encoding."""
    kept: list[tuple[bytes, bytes]] = []
    content_type = content_encoding = None
    for field in headers:
        name = field[0]
        if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIX):
            kept.append(field)
            if name == b"content-type":
                content_type = content_type or field[1]
            elif name == b"content-encoding":
                content_encoding = content_encoding or field[1]
    if content_type is None:
        kept.insert(0, _JSON_TYPE)
    return tuple(kept), content_type, content_encoding
