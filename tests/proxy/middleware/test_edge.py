"""What is around every request, all of it together and in its order."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Sequence

import pytest
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from proxy.middleware.auth import Door, Key
from proxy.middleware.body_limit import BodyLimit
from proxy.middleware.edge import Edge, wrapped
from proxy.wire.facts import facts_of
from proxy.wire.outbound import Outbound
from tests.asgi import Echo, Headers, Reply, call

BEARER: Headers = [("authorization", "Bearer secret")]


def _edge(
    app: ASGIApp,
    *,
    outer: Sequence[Middleware] = (),
    inner: Sequence[Middleware] = (),
    refusals: list[tuple[str, int]] | None = None,
) -> Edge:
    counted = [] if refusals is None else refusals
    return Edge(
        app,
        door=Door([Key("team", hashlib.sha256(b"secret").digest())], is_metrics_open=False),
        bodies=BodyLimit(max_bytes=4, timeout_s=60),
        count_bug=lambda: None,
        count_refusal=lambda path, status: counted.append((path, status)),
        outer=outer,
        inner=inner,
    )


def _call(
    app: ASGIApp, headers: Headers = (), *, body: bytes = b"", path: str = "/x", root_path: str = ""
) -> Reply:
    return asyncio.run(call(app, "POST", path, headers=headers, body=body, root_path=root_path))


def test_request_is_let_in_with_an_id_and_a_key() -> None:
    """Both are in the facts, the id is in the answer as well."""
    echo = Echo()
    reply = _call(_edge(echo), [*BEARER, ("x-request-id", "r1")], body=b"1234")
    assert (reply.status, reply.body, reply.headers["x-request-id"]) == (200, b"1234", "r1")
    facts = facts_of(echo.scope)
    assert (facts.request_id, facts.key_id) == ("r1", "team")


@pytest.mark.parametrize(
    ("headers", "body", "status"), [((), b"", 401), (BEARER, b"12345", 413)], ids=["key", "size"]
)
def test_refusal_is_an_answer_with_an_id(headers: Headers, body: bytes, status: int) -> None:
    """Whatever is refused, its user can ask about it."""
    reply = _call(_edge(Echo()), headers, body=body)
    assert reply.status == status
    assert reply.headers["x-request-id"].startswith("req-")


def test_what_is_not_let_in_is_counted_once() -> None:
    """Nobody inside hears of it; what is refused further in is counted there."""
    refusals: list[tuple[str, int]] = []
    edge = _edge(Echo(), refusals=refusals)
    _call(edge)
    _call(edge, [*BEARER, ("content-length", "5")])
    _call(edge, BEARER, body=b"12345")
    assert refusals == [("/x", 401), ("/x", 413)]


@pytest.mark.parametrize("root_path", ["", "/llm"])
def test_root_path_opens_and_closes_nothing(root_path: str) -> None:
    """A user's key opens no policies, a probe of the health needs none, and refusals count."""
    refusals: list[tuple[str, int]] = []
    edge = _edge(Echo(), refusals=refusals)
    assert _call(edge, BEARER, path="/policies", root_path=root_path).status == 403
    assert _call(edge, path="/health", root_path=root_path).status == 200
    assert _call(edge, path="/x", root_path=root_path).status == 401
    assert refusals == [("/policies", 403), ("/x", 401)]


def test_probes_are_quiet_under_a_root_path(caplog: pytest.LogCaptureFixture) -> None:
    """All else is logged with the path that the client asked for."""
    caplog.set_level(logging.INFO, logger="guardtune.access")
    edge = _edge(Echo())
    _call(edge, path="/health", root_path="/llm")
    _call(edge, BEARER, path="/x", root_path="/llm")
    (line,) = caplog.messages
    assert "path=/llm/x" in line


def test_forged_headers_do_not_come_in() -> None:
    """Neither in the scope nor in the facts."""
    echo = Echo()
    _call(
        _edge(echo), [*BEARER, ("x-guardtune-policy", "forged"), ("x-guardtune-conversation", "c")]
    )
    assert dict(echo.scope["headers"]) == facts_of(echo.scope).fields
    assert set(facts_of(echo.scope).fields) == {b"authorization", b"x-guardtune-conversation"}


def test_failure_is_logged_with_its_status(caplog: pytest.LogCaptureFixture) -> None:
    """The log stands around the errors."""
    caplog.set_level(logging.INFO, logger="guardtune.access")
    _call(_edge(Echo()))
    assert "status=401" in caplog.messages[0]
    assert "error=RequestError" in caplog.messages[0]


def test_error_passes_the_inner_layers() -> None:
    """A browser reads an error only where CORS allows it."""
    cors = Middleware(CORSMiddleware, allow_origins=["https://a.example"])
    reply = _call(_edge(Echo(), inner=[cors]), [("origin", "https://a.example")])
    assert reply.status == 401
    assert reply.headers["access-control-allow-origin"] == "https://a.example"


class _Marks:
    """Notes that a request has passed, what it knew then, and what became of it."""

    def __init__(self, app: ASGIApp, *, name: str, seen: list[str]) -> None:
        self._app = app
        self._name = name
        self._seen = seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        known = "" if scope["type"] != "http" else facts_of(scope).request_id
        self._seen.append(f"{self._name} {known}")
        await self._app(scope, receive, send)
        if isinstance(send, Outbound):
            self._seen.append(f"{self._name} {send.status}")


class _Lines(logging.Handler):
    """Notes that a line was logged."""

    def __init__(self, seen: list[str]) -> None:
        super().__init__()
        self._seen = seen

    def emit(self, record: logging.LogRecord) -> None:
        """Note it."""
        self._seen.append(record.getMessage().split()[0])


def test_layers_stand_behind_the_id_and_around_the_rest(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What watches sees the id before, and the status and the log line after."""
    seen: list[str] = []
    caplog.set_level(logging.INFO, logger="guardtune.access")
    monkeypatch.setattr(logging.getLogger("guardtune.access"), "handlers", [_Lines(seen)])
    edge = _edge(
        Echo(),
        outer=[Middleware(_Marks, name="outer", seen=seen)],
        inner=[Middleware(_Marks, name="inner", seen=seen)],
    )
    _call(edge, [("x-request-id", "r1")])
    assert seen == ["outer r1", "inner r1", "inner 401", "event=request", "outer 401"]


def test_start_and_stop_pass_through() -> None:
    """A lifespan is no request."""
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    async def run() -> None:
        async def nothing() -> dict[str, object]:
            return {}

        async def ignore(message: object) -> None:
            return

        outer = [Middleware(_Marks, name="outer", seen=seen)]
        await _edge(app, outer=outer)({"type": "lifespan"}, nothing, ignore)

    asyncio.run(run())
    assert seen == ["outer ", "lifespan"]


def test_first_layer_of_a_stack_is_the_outermost() -> None:
    """As Starlette has it."""
    seen: list[str] = []
    stack = [Middleware(_Marks, name=name, seen=seen) for name in ("outer", "inner")]
    _call(wrapped(Echo(), stack))
    assert seen == ["outer ", "inner "]
