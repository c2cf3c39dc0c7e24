"""One chat request from decoded to answered: its steps, in order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Self, TypeVar

import msgspec

from proxy.admission import Admission
from proxy.backends.base import Reply
from proxy.domain import ChatRequest, PolicyRef, Transcript
from proxy.errors import RequestError
from proxy.metrics import Metrics, RequestMeter
from proxy.operations.live import LiveJudge
from proxy.operations.served import ServedModels
from proxy.policy.apply import Applied, apply
from proxy.policy.match import policy_for
from proxy.policy.schema import PASSTHROUGH, Policy
from proxy.policy.store import PolicyStore
from proxy.wire.errors import Headers
from proxy.wire.sse import STREAM_HEADERS, is_stream

T = TypeVar("T")

_OK = 200


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator demands of every request.

    Args:
        require_policy: refuse (403) a request that no policy matches.
        strict: refuse (400) a request that tries to undo an enforced setting, instead of removing
            the attempt.
    """

    require_policy: bool = False
    strict: bool = False


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
    """Answers chat requests; streaming or not, they take the same path.

    Args:
        models: the served models.
        policies: their current snapshot is read once a request.
        admission: bounds what is in flight.
        metrics: counts.
        live: judges completed answers, off the request path.
        rules: what the operator demands.
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
    ) -> None:
        self._models = models
        self._policies = policies
        self._admission = admission
        self._metrics = metrics
        self._live = live
        self._rules = rules

    async def answer(self, request: ChatRequest, deliver: Callable[[Answer], Awaitable[T]]) -> T:
        """Answer one request; everything is free again on return, in whatever way it comes about.

        Args:
            request: as the client sent it.
            deliver: moves the chunks to the client, while slot and upstream are held.

        Returns:
            What `deliver` does.

        Raises:
            RequestError: 400, 403 or 404.
            OverloadedError: no slot, or the model is still loading.
            BackendError: the model failed, before or midway through the chunks.
        """
        with self._metrics.measure(is_stream=request.is_stream) as meter:
            backend = self._models.find(request.model)
            policy = self._choose(request)
            meter.bind(request.model, policy.ref)
            applied = apply(policy, request, backend.capabilities)
            self._check(applied, request.model)
            meter.transcript = transcript = Transcript()
            asked = meter.now()
            async with self._admission, backend.chat(applied.request, transcript) as reply:
                meter.waited(asked)
                meter.status = reply.status
                if reply.body:
                    meter.saw_chunk()
                chunks = _MeteredChunks(reply.chunks, meter)
                headers = _headers(reply, applied)
                try:
                    return await deliver(
                        Answer(reply.status, headers, chunks, request.model, policy.ref, reply.body)
                    )
                finally:
                    if reply.status == _OK and (reply.body or chunks.count):
                        self._live.offer(request, policy, transcript)

    def _choose(self, request: ChatRequest) -> Policy:
        policy = policy_for(request, self._policies.snapshot)
        if policy is PASSTHROUGH and self._rules.require_policy:
            raise RequestError(
                f"No policy matches the model `{request.model}`, and this server requires one.",
                status=403,
                error_type="permission_error",
                code="policy_required",
            )
        return policy

    def _check(self, applied: Applied, model: str) -> None:
        """Count what the backend cannot honour; under `strict`, refuse what would be overridden."""
        for setting in applied.ignored:
            self._metrics.settings_ignored.labels(model, setting).inc()
        if applied.overridden and self._rules.strict:
            names = ", ".join(f"`{name}`" for name in applied.overridden)
            raise RequestError(
                f"The policy {applied.policy} sets these; leave them out: {names}.",
                param=applied.overridden[0],
                code="enforced_by_policy",
            )


class _MeteredChunks:
    """Hands chunks on and tells the meter which time was the backend's."""

    __slots__ = ("_chunks", "_meter", "count")

    def __init__(self, chunks: AsyncIterator[bytes], meter: RequestMeter) -> None:
        self._chunks = chunks
        self._meter = meter
        self.count = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        asked = self._meter.now()
        try:
            chunk = await self._chunks.__anext__()
        finally:
            self._meter.waited(asked)
        self._meter.saw_chunk()
        self.count += 1
        return chunk


def _headers(reply: Reply, applied: Applied) -> Headers:
    """The backend's headers and ours: which policy answered, and what it could not do."""
    ours = [(b"x-guardtune-policy", str(applied.policy).encode())]
    if applied.ignored:
        ours.append((b"x-guardtune-ignored", ", ".join(applied.ignored).encode()))
    if applied.overridden:
        ours.append((b"x-guardtune-overridden", ", ".join(applied.overridden).encode()))
    if is_stream(reply.headers):
        sent = {name for name, _ in reply.headers}
        ours += [header for header in STREAM_HEADERS if header[0] not in sent]
    return (*reply.headers, *ours)
