"""One request put to a served model, and to others where that one fails before its first byte."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Self

import msgspec

from proxy.backends.base import Reply
from proxy.domain import ChatRequest, Transcript
from proxy.errors import BackendError, OverloadedError, RequestError
from proxy.metrics import Metrics, RequestMeter
from proxy.metrics.request import Subject
from proxy.policy.apply import Applied
from proxy.policy.schema import Policy

_TOO_MANY_REQUESTS = 429
_FIRST_ERROR_STATUS = 400
_FIRST_SERVER_ERROR = 500
_OVERLOADED = "overloaded"

_READABLE = frozenset({None, "protocol"})
"""An answer that we could not read on the side may well say something to the client."""


Ask = Callable[[ChatRequest, Transcript], AbstractAsyncContextManager[Reply]]
"""Has a model answer, see :meth:`proxy.backends.base.Backend.chat`."""


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
    ask: Ask
    transcript: Transcript

    def open(self) -> AbstractAsyncContextManager[Reply]:
        """Send it; leaving the block ends what is still running."""
        return self.ask(self.applied.request, self.transcript)


class Fallbacks:
    """Several models asked one after the other, until one answers.

    A model has failed when it cannot be reached, breaks off or reports an error before its first
    byte, is overloaded, or answers 429 or 5xx; what is wrong with a request is wrong for all of
    them. But a fallback that refuses it, before it is asked or then, is passed over: its limits are
    not those of the model that the client asked for. Where every model fails, the client gets what
    the first one said. Each failure is counted when the next model is asked; one that the client
    hears of is left to the meter.

    Args:
        request: as the client sent it.
        names: the models to ask after the one that the client asked for.
        prepare: puts a request to the model that it names, and binds the meter to it; raises
            RequestError where that model may not be asked.
        meter: of the request; in the end it is bound to whoever's answer the client gets.
        metrics: counts what failed, and what was asked instead.

    Attributes:
        answered: the attempt whose answer the client gets, once `open` has been entered.

    Raises:
        RequestError: the first model refuses the request.
    """

    answered: Attempt

    def __init__(
        self,
        request: ChatRequest,
        names: Sequence[str],
        *,
        prepare: Callable[[ChatRequest], Attempt],
        meter: RequestMeter,
        metrics: Metrics,
    ) -> None:
        self._request = request
        self._names = names
        self._prepare = prepare
        self._meter = meter
        self._metrics = metrics
        # Before anybody waits for admission: whoever is turned away there counts under this model.
        self._first = self._prepared(request)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Reply]:
        """Ask; leaving the block ends what is still running."""
        async with AsyncExitStack() as exchanges:
            final = await self._first_that_answers(exchanges)
            self._meter.resume(final.subject)
            if final.attempt is not None:
                self.answered = final.attempt
            if not isinstance(final.result, Reply):
                raise final.result
            yield final.result

    async def _first_that_answers(self, exchanges: AsyncExitStack) -> _Outcome:
        first = last = await self._put(self._request.model, self._first, exchanges)
        for name in self._names:
            if not last.failure:
                break
            last = await self._instead_of(last, name, exchanges) or last
        if last is first:
            self._meter.is_failure_counted = first.is_counted
            return first
        if not last.failure:
            await first.exchange.aclose()
            return last
        self._count(last)
        self._meter.is_failure_counted = True
        return first

    async def _instead_of(
        self, failed: _Outcome, name: str, exchanges: AsyncExitStack
    ) -> _Outcome | None:
        """Ask another model; None where it refuses, of which the client is not to hear."""
        try:
            prepared = self._prepared(msgspec.structs.replace(self._request, model=name, raw=None))
            self._count(failed)
            self._metrics.fallbacks.labels(failed.model, name, failed.failure).inc()
            outcome = await self._put(name, prepared, exchanges)
        except RequestError:
            return None
        if outcome.failure:
            # Where all fail, the client gets what the first one said.
            await outcome.exchange.aclose()
        return outcome

    def _prepared(self, request: ChatRequest) -> Attempt | OverloadedError:
        try:
            return self._prepare(request)
        except OverloadedError as error:
            return error

    async def _put(
        self, model: str, prepared: Attempt | OverloadedError, exchanges: AsyncExitStack
    ) -> _Outcome:
        """Ask one model; what it leaves open is in the outcome's exchange.

        Raises:
            RequestError: it refuses the request.
        """
        subject = self._meter.subject
        exchange = await exchanges.enter_async_context(AsyncExitStack())
        if isinstance(prepared, OverloadedError):
            return _Outcome(model, prepared, _OVERLOADED, None, subject, exchange)
        try:
            reply = await exchange.enter_async_context(prepared.open())
            reply = await _begun(reply)
        except RequestError:
            await exchange.aclose()
            raise
        except OverloadedError as error:
            await exchange.aclose()
            return _Outcome(model, error, _OVERLOADED, prepared, subject, exchange)
        except BackendError as error:
            await exchange.aclose()
            return _Outcome(model, error, error.error_type, prepared, subject, exchange)
        failure = _failure(reply, prepared.transcript)
        if failure and reply.body is not None:
            # All that it has to say is here already.
            await exchange.aclose()
        return _Outcome(model, reply, failure, prepared, subject, exchange)

    def _count(self, outcome: _Outcome) -> None:
        """Count a failure, once, however many are asked instead."""
        if not outcome.is_counted and outcome.failure != _OVERLOADED:
            self._metrics.upstream_errors.labels(outcome.model, outcome.failure).inc()
        outcome.is_counted = True


class _Outcome(msgspec.Struct):
    """What one model made of it.

    Args:
        model: its served name.
        result: the answer, or why there is none.
        failure: a closed set, used as a metric label; empty where it answered.
        attempt: None where it could not even be asked.
        subject: what the meter measured then.
        exchange: what is still open of it.
        is_counted: whether its failure is.
    """

    model: str
    result: Reply | OverloadedError | BackendError
    failure: str
    attempt: Attempt | None
    subject: Subject
    exchange: AsyncExitStack
    is_counted: bool = False


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
    is_bad = reply.status < _FIRST_ERROR_STATUS and transcript.error_type not in _READABLE
    return transcript.error_type or "" if is_bad else ""
