"""One request from decoded to answered: its steps, in order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Self, TypeVar

import msgspec

from proxy.admission import Admission
from proxy.backends.base import Reply
from proxy.domain import Capabilities, ChatRequest, PolicyRef, Transcript
from proxy.errors import OverloadedError
from proxy.guard import Guard, policy_headers
from proxy.metrics import Metrics, RequestMeter
from proxy.operations.attempts import Ask, Attempt, Fallbacks
from proxy.operations.live import LiveJudge
from proxy.operations.served import ServedModels
from proxy.policy.apply import Applied
from proxy.policy.schema import PASSTHROUGH
from proxy.policy.store import PolicyStore
from proxy.upstream.base import Pushes, Take
from proxy.wire.errors import Headers
from proxy.wire.routes import CHAT, KNOWN, RESPONSES, Route
from proxy.wire.sse import STREAM_HEADERS, is_stream

T = TypeVar("T")

Prepare = Callable[[Route, RequestMeter, ChatRequest], Attempt]
"""Puts a request to the model that it names, under the policy that matches it."""

_OK = 200


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator wants of every request.

    Args:
        require_policy: refuse (403) a request that no policy matches.
        strict: served names of models that refuse (400) what they cannot honour of a policy, and a
            request that tries to undo an enforced setting, instead of going on without it.
        fallbacks: served name → the models to ask instead of one that fails.
        passthrough: routes beside those we know.
    """

    require_policy: bool = False
    strict: frozenset[str] = frozenset()
    fallbacks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    passthrough: Sequence[Route] = ()


class Answer(msgspec.Struct, frozen=True):
    """An answer on its way to the client.

    Args:
        status: HTTP status; an upstream's own error passes through.
        headers: the backend's and ours; no content length.
        chunks: the body, see :class:`~proxy.backends.base.Reply`.
        model: its served name.
        policy: in force for this answer.
        body: all of it, where it is there already.
    """

    status: int
    headers: Headers
    chunks: AsyncIterator[bytes]
    model: str
    policy: PolicyRef
    body: bytes | None


class Pipeline:
    """Answers requests to models; streaming or not, they take the same path.

    Args:
        models: the served models.
        policies: their current snapshot is read once a request.
        admission: bounds what is in flight.
        metrics: counts.
        live: judges completed answers, off the request path.
        rules: what the operator demands.
        around: what goes around putting a request to a model, once for each attempt; None: nothing.
    """

    def __init__(
        self,
        *,
        models: ServedModels,
        policies: PolicyStore,
        admission: Admission,
        metrics: Metrics,
        live: LiveJudge,
        rules: Rules = Rules(),
        around: Callable[[Prepare], Prepare] | None = None,
    ) -> None:
        self._models = models
        self._guard = Guard(policies, metrics, require_policy=rules.require_policy)
        self._admission = admission
        self._metrics = metrics
        self._live = live
        self._rules = rules
        self._prepare: Prepare = self._attempt if around is None else around(self._attempt)
        self._fallbacks = rules.fallbacks
        self._unguarded = {
            route.path: metrics.unguarded.labels(route.path)
            for route in (*KNOWN, *rules.passthrough)
        }

    async def answer(
        self,
        request: ChatRequest,
        deliver: Callable[[Answer], Awaitable[T]],
        route: Route = CHAT,
        *,
        has_left: Callable[[], bool] | None = None,
    ) -> T:
        """Answer one request; everything is free again on return, in whatever way it comes about.

        Args:
            request: as the client sent it.
            deliver: moves the chunks to the client, while slot and upstream are held.
            route: what it was sent to.
            has_left: see :class:`~proxy.metrics.request.RequestMeter`.

        Returns:
            What `deliver` does.

        Raises:
            RequestError: 400, 403 or 404.
            OverloadedError: no slot, or the model is still loading.
            BackendError: the model failed, before or midway through the chunks.
        """
        with self._metrics.measure(is_stream=request.is_stream, has_left=has_left) as meter:
            others = self._fallbacks.get(request.model)
            asked = (
                self._prepare(route, meter, request)
                if others is None
                else self._attempts(route, meter, request, others)
            )
            since = meter.now()
            async with self._admission, asked.open() as reply:
                meter.waited(since)
                attempt = asked if isinstance(asked, Attempt) else asked.answered
                meter.status = reply.status
                metered = None
                if reply.body is None:
                    metered = _MeteredChunks(reply.chunks, meter)
                elif reply.body:
                    meter.saw_chunk()
                headers = _headers(reply, attempt.applied)
                if others is not None:
                    headers += ((b"x-guardtune-model", attempt.request.model.encode()),)
                try:
                    return await deliver(
                        Answer(
                            reply.status,
                            headers,
                            metered or reply.chunks,
                            attempt.request.model,
                            attempt.policy.ref,
                            reply.body,
                        )
                    )
                finally:
                    attempt.transcript.settle()
                    has_come = reply.body if metered is None else metered.count
                    if reply.status == _OK and has_come:
                        self._answered(route, attempt)

    def _attempt(self, route: Route, meter: RequestMeter, request: ChatRequest) -> Attempt:
        """Put a request to the model that it names, under the policy that matches it."""
        try:
            capabilities, ask = self._model(route, request.model)
        except OverloadedError:  # its model is still loading: a name that we know
            meter.bind(request.model, self._guard.choose(request).ref)
            raise
        policy = self._guard.choose(request)
        if not route.takes_policies:
            policy = PASSTHROUGH
        meter.bind(request.model, policy.ref)
        applied = self._guard.apply(
            policy, request, capabilities, is_strict=request.model in self._rules.strict
        )
        meter.transcript = transcript = Transcript()
        return Attempt(request, policy, applied, ask, transcript)

    def _model(self, route: Route, name: str) -> tuple[Capabilities, Ask]:
        """Return what a model honours on a route, and how it is asked there."""
        if route is CHAT:
            backend = self._models.find(name)
            return backend.capabilities, backend.chat
        forwards = self._models.find_on(route.path, name)
        return forwards.capabilities_on(route.path), partial(forwards.forward, route.path)

    def _attempts(
        self, route: Route, meter: RequestMeter, request: ChatRequest, others: Sequence[str]
    ) -> Fallbacks:
        return Fallbacks(
            request,
            others,
            prepare=partial(self._prepare, route, meter),
            meter=meter,
            metrics=self._metrics,
        )

    def _answered(self, route: Route, attempt: Attempt) -> None:
        """Hand the answer to the judge, or count it; count it if no policy guarded it."""
        if not attempt.applied.guards:
            self._unguarded[route.path].inc()
        if route.answers == "text":
            self._live.offer(
                attempt.request,
                attempt.policy,
                attempt.transcript,
                has_choices=route is not RESPONSES,
            )
        elif route.answers == "unknown":
            self._live.pass_over("passthrough_route")


class _MeteredChunks:
    """Hands chunks on and tells the meter which time was the backend's.

    Attributes:
        count: how many the client got.
    """

    _take: Take

    __slots__ = ("_chunks", "_has_text", "_meter", "_take", "count")

    def __init__(self, chunks: AsyncIterator[bytes], meter: RequestMeter) -> None:
        self._chunks = chunks
        self._meter = meter
        self._has_text = False
        self.count = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        meter = self._meter
        asked = meter.now()
        try:
            chunk = await self._chunks.__anext__()
        finally:
            meter.waited(asked)
        self.count += 1
        if not self._has_text:
            self._has_text = meter.saw_chunk()
        return chunk

    def push_to(self, take: Take) -> None:
        """See :class:`proxy.upstream.base.Pushes`."""
        if isinstance(self._chunks, Pushes):
            self._take = take
            self._chunks.push_to(self._pushed)

    def _pushed(self, chunk: bytes) -> bool:
        if not self._has_text:  # whoever waits for the first text sees when it comes
            return False
        began = self._meter.now()
        if not self._take(chunk):
            return False
        self._meter.worked(began)
        self.count += 1
        return True


def _headers(reply: Reply, applied: Applied) -> Headers:
    """The backend's headers and ours: which policy answered, and what it could not do."""
    ours = policy_headers(applied)
    if is_stream(reply.headers):
        sent = {name for name, _ in reply.headers}
        ours += tuple(header for header in STREAM_HEADERS if header[0] not in sent)
    return (*reply.headers, *ours)
