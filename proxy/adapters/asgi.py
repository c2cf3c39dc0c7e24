"""GuardTune as middleware: policies on the OpenAI-shaped routes of your own ASGI application.

app.add_middleware(GuardTune, policies="policies/")
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp, Receive, Scope, Send

from proxy.adapters.inbound import Replay, headers_of, refuse_encoded
from proxy.adapters.paths import Paths
from proxy.adapters.watched import WatchedPolicies
from proxy.backends.config import Flavour
from proxy.backends.flavours import capabilities
from proxy.backends.request_body import refuse_folded_messages, request_body
from proxy.backends.route_flavours import route_capabilities
from proxy.domain import Capabilities, ChatRequest
from proxy.errors import RequestError
from proxy.guard import Guard, policy_headers
from proxy.metrics import RequestMeter
from proxy.metrics.recorder import UNKNOWN_MODEL
from proxy.metrics.request import CLIENT_GONE
from proxy.middleware.body_limit import limited
from proxy.policy.apply import Applied
from proxy.wire.client import ClientGoneError, read_body
from proxy.wire.errors import render
from proxy.wire.facts import conversation_of, fields_of
from proxy.wire.outbound import Outbound, outbound
from proxy.wire.respond import send_body
from proxy.wire.routes import CHAT, COMPLETIONS, RESPONSES, Route

_KNOWN: Mapping[str, Route] = {route.path: route for route in (CHAT, COMPLETIONS, RESPONSES)}

ROUTES: Mapping[str, str] = {path: path for path in _KNOWN}
"""The routes that are guarded where nothing else is said: each speaks like itself."""

_MAX_BODY_BYTES = 8 * 2**20
_MAY_BE_EMPTY = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})
_POLICY_VIOLATION = 1008
_OK = 200


class GuardTune:
    """Puts requests under your policies before your application sees them.

    It reads the body of a guarded route, applies the policy that matches its model, and hands on
    the body that the policy wants: what a client cannot undo behind ``guardtune serve`` it cannot
    undo here. What cannot be read is refused with an OpenAI error. Answers pass as they come. All
    other routes are left alone. The folder is followed while the application runs.

    Args:
        app: what is inside.
        policies: the policy folder.
        routes: path of yours → the OpenAI route whose bodies it takes, one of `ROUTES`. A path
            counts wherever the application is mounted.
        flavour: which server your application asks in the end; decides what is honoured, and which
            fields would undo a policy. ``openai`` is on the safe side of all of them.
        max_tokens_field: how that server is told the limit.
        require_policy: refuse (403) a request that no policy matches.
        strict: refuse (400) what cannot be honoured of a policy, and what would undo it.
        models: the names that may become labels of metrics; others count as ``unknown``.
        key_id: tells from a request's scope whose it is, for policies that name keys.
        max_body_bytes: of a guarded request; more is answered with 413.
        registry: where to show our figures; None for nowhere.

    Raises:
        PolicyError: there is no such folder.
        ValueError: a route speaks like none that we know.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        policies: str | os.PathLike[str],
        routes: Mapping[str, str] = ROUTES,
        flavour: Flavour = "openai",
        max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens",
        require_policy: bool = False,
        strict: bool = False,
        models: Collection[str] = (),
        key_id: Callable[[Scope], str | None] = lambda _scope: None,
        max_body_bytes: int = _MAX_BODY_BYTES,
        registry: CollectorRegistry | None = None,
    ) -> None:
        self.app = app
        chat = capabilities(flavour, max_tokens_field=max_tokens_field)
        self._paths = Paths({path: _spoken(like, flavour, chat) for path, like in routes.items()})
        self._folds_case = flavour == "ollama"
        self._is_strict = strict
        self._models = frozenset(models)
        self._key_id = key_id
        self._max_body_bytes = max_body_bytes
        self._policies = WatchedPolicies(Path(policies), registry)
        self._metrics = self._policies.metrics
        self._guard = Guard(self._policies.store, self._metrics, require_policy=require_policy)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, or the application's life."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        elif (spoken := self._paths.find(scope.get("path", ""))) is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            # What comes in over it would be under no policy.
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        else:
            await self._guarded(spoken, scope, receive, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._policies.follow()
        try:
            await self.app(scope, receive, send)
        finally:
            await self._policies.close()

    async def _guarded(self, spoken: _Spoken, scope: Scope, receive: Receive, send: Send) -> None:
        self._policies.follow()
        response = outbound(send)
        try:
            body = await self._read(scope, receive)
            if not body and scope["method"] in _MAY_BE_EMPTY:
                await self.app(scope, Replay(body, receive), send)
                return
            request = self._decoded(spoken, scope, body)
            await self._answered(spoken, request, scope, receive, response)
        except ClientGoneError:
            return
        except RequestError as error:
            if response.status is not None:
                raise
            refusal = render(error)
            await send_body(response, refusal.status, refusal.body, headers=refusal.headers)

    async def _read(self, scope: Scope, receive: Receive) -> bytes:
        """Read the body, bounded, and refuse what an inner layer might read in another way."""
        with self._counting_refusals():
            refuse_encoded(scope)
            announced = fields_of(scope["headers"]).get(b"content-length")
            return await read_body(limited(receive, announced, max_bytes=self._max_body_bytes))

    def _decoded(self, spoken: _Spoken, scope: Scope, body: bytes) -> ChatRequest:
        with self._counting_refusals():
            conversation = conversation_of(fields_of(scope["headers"]))
            return spoken.route.decode(body, key_id=self._key_id(scope), conversation=conversation)

    @contextmanager
    def _counting_refusals(self) -> Iterator[None]:
        """Count what is refused before it is known whose request it is."""
        try:
            yield
        except RequestError as error:
            self._metrics.refused(error.status)
            raise

    async def _answered(
        self,
        spoken: _Spoken,
        request: ChatRequest,
        scope: Scope,
        receive: Receive,
        response: Outbound,
    ) -> None:
        """Have the application answer the request as the policy wants it."""
        with self._metrics.measure(is_stream=request.is_stream) as meter:
            applied = self._applied(spoken, request, meter)
            body = request_body(applied.request, spoken.route.path, model=request.model)
            for name, value in policy_headers(applied):
                response.add_header(name, value)
            inside = {**scope, "headers": headers_of(scope, body)}
            since = meter.now()
            try:
                await self.app(inside, Replay(body, receive), response)
            finally:
                meter.waited(since)
                meter.status = response.status or CLIENT_GONE
                if response.status == _OK and response.n_bytes and not applied.guards:
                    self._metrics.unguarded.labels(spoken.route.path).inc()

    def _applied(self, spoken: _Spoken, request: ChatRequest, meter: RequestMeter) -> Applied:
        label = request.model if request.model in self._models else UNKNOWN_MODEL
        policy = self._guard.choose(request)
        meter.bind(label, policy.ref)
        applied = self._guard.apply(
            policy, request, spoken.capabilities, is_strict=self._is_strict, counted_as=label
        )
        if self._folds_case:
            refuse_folded_messages(applied.request)
        return applied


@dataclass(frozen=True, slots=True)
class _Spoken:
    """What a guarded path takes, and what is honoured there."""

    route: Route
    capabilities: Capabilities


def _spoken(like: str, flavour: Flavour, chat: Capabilities) -> _Spoken:
    if like not in _KNOWN:
        raise ValueError(f"routes: {like!r} is none that can be guarded: {', '.join(_KNOWN)}.")
    route = _KNOWN[like]
    return _Spoken(route, chat if route is CHAT else route_capabilities(flavour, route.path))
