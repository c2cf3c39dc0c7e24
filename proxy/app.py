"""The whole proxy, put together: the rooms, the middleware stack, the routes, start and stop."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from proxy.admission import Admission
from proxy.backends.base import Backend
from proxy.backends.registry import Engines
from proxy.backends.registry import create as create_backend
from proxy.endpoints.answers import Answers
from proxy.endpoints.elsewhere import Elsewhere
from proxy.endpoints.fallback import on_http_error
from proxy.endpoints.front import Front
from proxy.endpoints.health import HealthEndpoints
from proxy.endpoints.models import ModelEndpoints
from proxy.endpoints.openapi import OpenAPIEndpoint
from proxy.endpoints.policies import PolicyEndpoints
from proxy.evaluation.run import evaluate
from proxy.judges.base import Judge
from proxy.judges.config import JudgeConfig
from proxy.judges.configured import build as build_judge
from proxy.metrics import Metrics
from proxy.metrics.engine import EngineCollector, HasEngineStats
from proxy.middleware.auth import Door, Key, locked
from proxy.middleware.body_limit import BodyLimit
from proxy.middleware.edge import Edge, wrapped
from proxy.middleware.otel.hooks import Hooks
from proxy.middleware.otel.switch import hooks as hooks_asked_for
from proxy.operations.canary import Canary, canaries_on
from proxy.operations.judging import Judges
from proxy.operations.live import LiveJudge
from proxy.operations.policy_watch import PolicyWatch
from proxy.operations.prewarm import Prewarm
from proxy.operations.probe_history import ProbeHistory
from proxy.operations.probe_plan import ProbePlan
from proxy.operations.probe_schedule import ProbeSchedule
from proxy.operations.probes import Evaluate, Probes
from proxy.operations.rollout import Rollout
from proxy.operations.rollout_evidence import first_round
from proxy.operations.rollout_plan import RolloutPlan
from proxy.operations.served import ServedModels
from proxy.operations.service import Parts, Service
from proxy.operations.target import Target, live_targets
from proxy.pipeline import Pipeline, Rules
from proxy.policy.store import PolicyStore
from proxy.settings import Settings, resolve_keys
from proxy.suites.builtin import load_builtin
from proxy.upstream.base import UpstreamClient
from proxy.upstream.choose import AutoClient
from proxy.wire import openapi
from proxy.wire.routes import CHAT, COMPLETIONS, EMBEDDINGS, RESPONSES, passthrough

_OUR_HEADERS = (
    "x-request-id",
    "x-guardtune-policy",
    "x-guardtune-model",
    "x-guardtune-ignored",
    "x-guardtune-overridden",
)


Page = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Proxy:
    """An assembled proxy.

    Args:
        app: the ASGI application.
        service: what runs beside it.
        metrics: what both count.
        pages: path → endpoint of what one process answers for all workers; no middleware.
    """

    app: ASGIApp
    service: Service
    metrics: Metrics
    pages: Mapping[str, Page]


@dataclass(frozen=True, slots=True)
class Shared:
    """What a proxy has instead of its own, where several processes are one server.

    Args:
        engines: gives the backends of models in child processes.
        metrics: what is counted in.
        policies: follows the process that reads the folder; None in that process.
        pages_path: the unix socket where that process answers; None in it.
        evaluate: what answers and judges probes.
        judges: makes those of a common judge and of each model's own.
    """

    engines: Engines | None = None
    metrics: Metrics | None = None
    policies: PolicyStore | None = None
    pages_path: str | None = None
    evaluate: Evaluate = evaluate
    judges: Callable[[Judge, Mapping[str, Judge]], Judges] = Judges


def build(
    settings: Settings,
    *,
    environ: Mapping[str, str],
    backends: Sequence[Backend] | None = None,
    judge: Judge | None = None,
    shared: Shared = Shared(),
    hooks: Hooks | None = None,
) -> Proxy:
    """Put a proxy together; nothing is loaded or listened to before the application starts.

    Args:
        settings: checked.
        environ: where secrets are looked up.
        backends: instead of those that the settings name.
        judge: instead of those that the settings name.
        shared: what this process shares with others.
        hooks: who watches, instead of whoever the environment asks for.

    Raises:
        SettingsError: a key's secret is missing.
        ModelLoadError: a backend's package is missing.
        JudgeError: a judge's policy file cannot be read.
    """
    keys = resolve_keys(settings, environ)
    metrics = shared.metrics or Metrics()
    hooks = hooks_asked_for(environ, settings.models) if hooks is None else hooks
    client = hooks.client(AutoClient())
    if backends is None:
        backends = [
            create_backend(config, client=client, may_spawn=True, engines=shared.engines)
            for config in settings.models
        ]
    engines = EngineCollector(tuple(item for item in backends if isinstance(item, HasEngineStats)))
    metrics.collect_from(engines)
    models = ServedModels(backends)
    models.on_retry(lambda model, reason: metrics.retries.labels(model, reason).inc())
    judges = (
        _judges(settings, client, shared, hooks) if judge is None else Judges(hooks.judge(judge))
    )
    policies = PolicyWatch(shared.policies or _store(settings), metrics)
    admission = _admission(settings, metrics)
    live = LiveJudge(
        judges, metrics, max_queued=settings.judging.max_queued, workers=settings.judging.workers
    )
    targets = partial(live_targets, models, policies, [key.id for key in settings.keys])
    probes = _probes(settings, targets, policies, judges, metrics, evaluate=shared.evaluate)
    schedule = _schedule(settings, probes, metrics)
    # A worker decides nothing: its rollout has a store that nobody reloads.
    decided_on = policies.store if shared.policies is None else _store(settings)
    rollout = _rollout(settings, models, decided_on, probes, metrics)
    rules = _rules(settings)
    pipeline = Pipeline(
        models=models,
        policies=policies.store,
        admission=admission,
        metrics=metrics,
        live=live,
        rules=rules,
        around=hooks.prepare,
    )
    service = Service(
        Parts(
            models,
            policies,
            judges,
            live,
            probes,
            schedule,
            rollout,
            Prewarm(targets),
            admission,
            client,
        )
    )
    answers = {
        route.path: Answers(pipeline, metrics, route)
        for route in (CHAT, COMPLETIONS, RESPONSES, EMBEDDINGS, *rules.passthrough)
    }
    paths = frozenset(answers)
    stack = [_edge(settings, keys, metrics, paths, hooks.middleware(paths))]
    health = HealthEndpoints(models, metrics, engines)
    listed = _policy_endpoints(settings, service.parts)
    is_locked = locked(keys, is_metrics_open=settings.is_metrics_open)
    document = openapi.document(rules.passthrough, needs_key=is_locked)
    pages: Mapping[str, Page] = {"/metrics": health.metrics, "/policies": listed.list}
    if shared.pages_path is not None:
        pages = dict.fromkeys(pages, Elsewhere(client, shared.pages_path).get)
    rest = Starlette(
        routes=[
            *_routes(answers, models, health, listed),
            Route(openapi.PATH, OpenAPIEndpoint(document).show),
            *(Route(path, page) for path, page in pages.items()),
        ],
        middleware=stack,
        exception_handlers={HTTPException: on_http_error},
        lifespan=lambda _app: service.running(),
    )
    return Proxy(Front(wrapped(answers[CHAT.path], stack), rest), service, metrics, pages)


def _edge(
    settings: Settings,
    keys: Sequence[Key],
    metrics: Metrics,
    paths: frozenset[str],
    watching: Sequence[Middleware],
) -> Middleware:
    """The whole middleware stack; on the models' paths, what it turns away is a request, too."""
    limits = settings.limits

    def count_refusal(path: str, status: int) -> None:
        if path in paths:
            metrics.refused(status)

    return Middleware(
        Edge,
        door=Door(keys, is_metrics_open=settings.is_metrics_open),
        bodies=BodyLimit(limits.max_body_bytes, limits.body_timeout_s),
        count_bug=metrics.internal_errors.inc,
        count_refusal=count_refusal,
        outer=watching,
        inner=_cors(settings),
    )


def _routes(
    answers: Mapping[str, Answers],
    served: ServedModels,
    health: HealthEndpoints,
    policies: PolicyEndpoints,
) -> list[Route]:
    """The routes that every process answers itself; no route is a 404 in OpenAI's form."""
    models = ModelEndpoints(served, created=int(time.time()))
    return [
        *(Route(path, endpoint, methods=["POST"]) for path, endpoint in answers.items()),
        Route("/v1/models", models.list),
        Route("/v1/models/{model:path}", models.show),
        Route("/health", health.health),
        Route("/ready", health.ready),
        Route("/policies/validate", policies.validate, methods=["POST"]),
    ]


def _policy_endpoints(settings: Settings, parts: Parts) -> PolicyEndpoints:
    return PolicyEndpoints(
        parts.policies.store,
        parts.probes,
        parts.rollout,
        parts.models,
        folder=Path(settings.policies),
    )


def _rules(settings: Settings) -> Rules:
    return Rules(
        require_policy=settings.require_policy,
        strict=settings.strict_models,
        fallbacks={model.name: model.fallbacks for model in settings.models if model.fallbacks},
        passthrough=tuple(passthrough(path) for path in settings.passthrough_routes),
    )


def _cors(settings: Settings) -> list[Middleware]:
    if not settings.cors.allow_origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=settings.cors.allow_origins,
            allow_methods=("GET", "POST"),
            allow_headers=("*",),
            allow_credentials=settings.cors.allow_credentials,
            expose_headers=_OUR_HEADERS,
            max_age=settings.cors.max_age_s,
        )
    ]


def _admission(settings: Settings, metrics: Metrics) -> Admission:
    limits = settings.limits
    admission = Admission(
        max_in_flight=limits.max_in_flight,
        max_queued=limits.max_queued,
        timeout_s=limits.queue_timeout_s,
    )
    metrics.in_flight.set_function(lambda: admission.in_flight)
    metrics.queued.set_function(lambda: admission.queued)
    return admission


def _probes(
    settings: Settings,
    targets: Callable[[], list[Target]],
    policies: PolicyWatch,
    judges: Judges,
    metrics: Metrics,
    *,
    evaluate: Evaluate,
) -> Probes:
    probing = settings.probing
    plan = ProbePlan(
        load_builtin().select(split="probe"),
        probing.prompts_per_kind,
        concurrency=probing.concurrency,
        max_tokens=probing.max_tokens,
        seed=probing.seed,
    )
    file = None if probing.history_file is None else Path(probing.history_file)

    def probed() -> list[Target]:
        return [item for item in targets() if item.backend.model in settings.probed_models]

    return Probes(
        plan,
        probed,
        judges,
        metrics,
        may_finish=lambda target: policies.has(target.policy),
        history=ProbeHistory(limit=probing.history, file=file),
        first_round=lambda: first_round(policies.store.journal.known.entries),
        evaluate=evaluate,
    )


def _store(settings: Settings) -> PolicyStore:
    journal = settings.rollout.journal
    return PolicyStore(Path(settings.policies), journal=None if journal is None else Path(journal))


def _rollout(
    settings: Settings,
    models: ServedModels,
    store: PolicyStore,
    probes: Probes,
    metrics: Metrics,
) -> Rollout:
    rolling_out = settings.rollout
    key_ids = [key.id for key in settings.keys]

    # All of them: one whose engine is away for a restart has a say in a promotion, too.
    served = {model: model in settings.probed_models for model in models.names}

    def found() -> list[Canary]:
        return canaries_on(store.snapshot, served, key_ids=key_ids)

    plan = RolloutPlan(rolling_out.auto, rolling_out.interval_s, rolling_out.max_rounds)
    return Rollout(plan, store, probes, metrics, canaries=found)


def _schedule(settings: Settings, probes: Probes, metrics: Metrics) -> ProbeSchedule:
    probing = settings.probing
    interval_s = probing.interval_s if settings.probed_models else None
    metrics.probe_interval.set(interval_s or 0)
    return ProbeSchedule(probes, interval_s=interval_s, jitter=probing.jitter)


def _judges(settings: Settings, client: UpstreamClient, shared: Shared, hooks: Hooks) -> Judges:
    """The configured judges; equal configurations share one, and with it one model."""
    built: list[tuple[JudgeConfig, Judge]] = []

    def judge(config: JudgeConfig) -> Judge:
        for known, same in built:
            if known == config:
                return same
        made = hooks.judge(
            build_judge(config, client=client, may_spawn=True, engines=shared.engines)
        )
        built.append((config, made))
        return made

    judging = settings.judging
    by_model = {model: judge(config) for model, config in judging.models.items()}
    return shared.judges(judge(judging.judge), by_model)
