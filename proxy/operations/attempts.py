"""One request put to a served model, and to others where that one fails before its first byte."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Self

import msgspec

from proxy.backends.base import Reply
from proxy.domain import ChatRequest, Transcript
from proxy.errors import BackendError, OverloadedError, RequestError
from proxy.metrics import Metrics
from proxy.policy.apply import Applied
from proxy.policy.schema import Policy

_TOO_MANY_REQUESTS = 429
_FIRST_ERROR_STATUS = 400
_FIRST_SERVER_ERROR = 500
_OVERLOADED = "overloaded"


class Attempt(msgspec.Struct, frozen=True):
    """A request put to one model, under the policy that matches it there.

    Args:
        request: as the client sent it, but for the model's name.
        policy: the one in force.
        applied: what it made of the request.
        ask: the model.
        transcript: filled while it answers.
    """

    request: ChatRequest
    policy: Policy
    applied: Applied
    ask: Callable[[ChatRequest, Transcript], AbstractAsyncContextManager[Reply]]
    transcript: Transcript

    def open(self) -> AbstractAsyncContextManager[Reply]:
        """Send it; leaving the block ends what is still running."""
        return self.ask(self.applied.request, self.transcript)


class Fallbacks:
    """``async with``: several models asked one after the other, until one answers.

    A model has failed when it cannot be reached, breaks off or reports an error before its first
    byte, is overloaded, or answers 429 or 5xx; what is wrong with a request is wrong for all of
    them. Where every model fails, the client gets what the first one said.

    Args:
        request: as the client sent it.
        names: the models to ask after the one that the client asked for.
        prepare: puts a request to the model that it names; RequestError passes that model over.
        metrics: counts what failed, and what was asked instead.
        settle: told which attempt counts in the end.

    Attributes:
        answered: that attempt, once entered.
    """

    answered: Attempt

    def __init__(
        self,
        request: ChatRequest,
        names: Sequence[str],
        *,
        prepare: Callable[[ChatRequest], Attempt],
        metrics: Metrics,
        settle: Callable[[Attempt], None],
    ) -> None:
        self._request = request
        self._names = names
        self._prepare = prepare
        self._metrics = metrics
        self._settle = settle
        self._exchanges = AsyncExitStack()

    def open(self) -> Self:
        """Return itself, as the context manager that an `Attempt` opens."""
        return self

    async def __aenter__(self) -> Reply:
        try:
            return await self._first_that_answers()
        except BaseException:
            await self._exchanges.aclose()
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._exchanges.__aexit__(kind, error, trace)

    async def _first_that_answers(self) -> Reply:
        first = await self._put(self._request)
        tried = [first]
        for name in self._names:
            if not tried[-1].failure:
                break
            try:
                outcome = await self._put(
                    msgspec.structs.replace(self._request, model=name, raw=None)
                )
            except RequestError:
                continue
            self._metrics.fallbacks.labels(tried[-1].model, name, tried[-1].failure).inc()
            tried.append(outcome)
        final = first if tried[-1].failure else tried[-1]
        self._count_failures([outcome for outcome in tried if outcome is not final])
        if final.attempt is not None:
            self.answered = final.attempt
            self._settle(final.attempt)
        if isinstance(final.result, Reply):
            return final.result
        raise final.result

    async def _put(self, request: ChatRequest) -> _Outcome:
        attempt: Attempt | None = None
        try:
            attempt = self._prepare(request)
            reply = await self._exchanges.enter_async_context(attempt.open())
            reply = await _begun(reply)
        except OverloadedError as error:
            return _Outcome(request.model, error, _OVERLOADED, attempt)
        except BackendError as error:
            return _Outcome(request.model, error, error.error_type, attempt)
        return _Outcome(request.model, reply, _failure(reply, attempt.transcript), attempt)

    def _count_failures(self, outcomes: Sequence[_Outcome]) -> None:
        """Those that the client does not hear of; the meter counts the one that it does."""
        for outcome in outcomes:
            if outcome.failure != _OVERLOADED:
                self._metrics.upstream_errors.labels(outcome.model, outcome.failure).inc()


class _Outcome(msgspec.Struct, frozen=True):
    """What one model made of it.

    Args:
        model: its served name.
        result: the answer, or why there is none.
        failure: a closed set, used as a metric label; empty where it answered.
        attempt: None where it could not even be asked.
    """

    model: str
    result: Reply | OverloadedError | BackendError
    failure: str
    attempt: Attempt | None


class _Resumed:
    """Chunks of which the first has been taken already."""

    __slots__ = ("_chunks", "_first")

    def __init__(self, first: bytes, chunks: AsyncIterator[bytes]) -> None:
        self._first: bytes | None = first
        self._chunks = chunks

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        first, self._first = self._first, None
        return await anext(self._chunks) if first is None else first


async def _begun(reply: Reply) -> Reply:
    """Wait for the first byte of an answer; raises BackendError where it does not come."""
    if reply.body is not None or reply.status >= _FIRST_ERROR_STATUS:
        return reply
    first = await anext(reply.chunks, b"")
    return Reply(reply.status, reply.headers, _Resumed(first, reply.chunks)) if first else reply


def _failure(reply: Reply, transcript: Transcript) -> str:
    if reply.status >= _FIRST_SERVER_ERROR:
        return "status_5xx"
    if reply.status == _TOO_MANY_REQUESTS:
        return "status_4xx"
    return transcript.error_type or "" if reply.status < _FIRST_ERROR_STATUS else ""
