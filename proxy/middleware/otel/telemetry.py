"""The places where a proxy lets itself be watched, with OpenTelemetry watching."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import TYPE_CHECKING

import msgspec
from starlette.middleware import Middleware

from proxy.backends.base import Reply
from proxy.backends.config import ModelConfig
from proxy.domain import ChatRequest, Transcript
from proxy.judges.base import Judge
from proxy.metrics import RequestMeter
from proxy.middleware.otel import genai
from proxy.middleware.otel.call import Call, Terms
from proxy.middleware.otel.hooks import Hooks
from proxy.middleware.otel.judge import WatchedJudge
from proxy.middleware.otel.server import SpanMiddleware
from proxy.middleware.otel.upstream import TracingClient
from proxy.operations.attempts import Attempt
from proxy.pipeline import Prepare
from proxy.policy.apply import Applied
from proxy.upstream.base import UpstreamClient
from proxy.wire.routes import Route

if TYPE_CHECKING:
    from proxy.middleware.otel.signals import Attributes, Signals

Ask = Callable[[ChatRequest, Transcript], AbstractAsyncContextManager[Reply]]

_HERE = ("llama_cpp", "scripted")
"""Backends whose models run here."""


class Telemetry(Hooks):
    """Spans and metrics of all that a request passes through.

    Args:
        signals: where they go.
        models: the served ones.
    """

    def __init__(self, signals: Signals, models: Sequence[ModelConfig]) -> None:
        self._signals = signals
        self._providers = {model.name: genai.provider(model) for model in models}
        self._here = {model.name for model in models if model.backend in _HERE}

    def middleware(self, paths: frozenset[str]) -> list[Middleware]:
        """A server span around each request to a model."""
        return [Middleware(SpanMiddleware, signals=self._signals, paths=paths)]

    def client(self, client: UpstreamClient) -> UpstreamClient:
        """``traceparent`` for upstreams."""
        return TracingClient(client, self._signals)

    def judge(self, judge: Judge) -> Judge:
        """A guardrail span around each verdict on a traced answer."""
        return WatchedJudge(judge, self._signals)

    def prepare(self, prepare: Prepare) -> Prepare:
        """A span around choosing and applying the policy, and one around each call of a model."""

        def watched(route: Route, meter: RequestMeter, request: ChatRequest) -> Attempt:
            arrived = meter.now()
            with self._signals.span("apply policy", "internal", {}) as span:
                attempt = prepare(route, meter, request)
                span.set_attributes(_of_policy(attempt.applied))
            terms = self._terms(route, meter, request.model, arrived)
            return msgspec.structs.replace(attempt, ask=partial(_call, attempt.ask, terms))

        return watched

    def _terms(self, route: Route, meter: RequestMeter, model: str, arrived: float) -> Terms:
        operation = genai.operation(route.path)
        labels = {
            "gen_ai.operation.name": operation,
            "gen_ai.request.model": model,
            **self._providers.get(model, {}),
        }
        return Terms(self._signals, operation, labels, model in self._here, meter.now, arrived)


def _call(ask: Ask, terms: Terms, request: ChatRequest, transcript: Transcript) -> Call:
    return Call(ask(request, transcript), request, transcript, terms)


def _of_policy(applied: Applied) -> Attributes:
    return {
        "guardtune.policy.name": applied.policy.name,
        "guardtune.policy.sha": applied.policy.sha,
        "guardtune.policy.ignored": applied.ignored,
        "guardtune.policy.overridden": applied.overridden,
        "guardtune.policy.guards": applied.guards,
    }
