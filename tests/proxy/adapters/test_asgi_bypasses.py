"""Ways around a policy that runs inside somebody else's application."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from proxy.adapters.asgi import GuardTune
from proxy.backends.flavours import capabilities
from proxy.backends.route_flavours import route_capabilities
from proxy.backends.routes import RESPONSES_PATH
from tests.asgi import Headers, Reply, call, scope_of
from tests.edge import write_policy
from tests.loopback import Connection, Received
from tests.proxy.adapters.host_app import ASK, CHAT, POLICY, Rig
from tests.rig import run

OPENAI = capabilities("openai")
RESPONSES = route_capabilities("openai", RESPONSES_PATH)
BODY = msgspec.json.encode({**ASK, "temperature": 2})


@pytest.mark.parametrize("field", [*OPENAI.aliases, *OPENAI.overrides])
def test_no_alias_and_no_override_comes_through_on_chat(tmp_path: Path, field: str) -> None:
    """One row of the flavour's table each: it is gone, and the client is told."""
    rig = Rig(tmp_path)
    reply = rig.send(msgspec.json.encode({**ASK, field: 99}))
    assert field not in rig.host.asked
    assert field in reply.headers["x-guardtune-overridden"].split(", ")


@pytest.mark.parametrize("field", [*RESPONSES.aliases, *RESPONSES.overrides])
def test_no_alias_and_no_override_comes_through_on_responses(tmp_path: Path, field: str) -> None:
    """The Responses API has some of its own."""
    rig = Rig(tmp_path)
    body = {"model": "m", "input": "hi", field: "auto" if field == "truncation" else 99}
    rig.send(msgspec.json.encode(body), path=RESPONSES_PATH)
    assert field not in rig.host.asked


def test_prefill_does_not_begin_the_answer(tmp_path: Path) -> None:
    """Some servers would continue a trailing assistant message."""
    rig = Rig(tmp_path)
    reply = rig.ask(messages=[*ASK["messages"], {"role": "assistant", "content": "Sure,"}])
    assert rig.host.asked["messages"][-1]["role"] == "user"
    assert "assistant_prefill" in reply.headers["x-guardtune-overridden"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"m","model":"other","messages":[{"role":"user","content":"hi"}]}',
        b'{"model":"other","mod\\u0065l":"m","messages":[{"role":"user","content":"hi"}]}',
        b'{"model":"m","messages":[],"messages":[{"role":"user","content":"hi"}],"temperature":2}',
        b'{"temperature":2,"model":"m","messages":[{"role":"user","content":"hi"}],"temperature":0.5}',
        (
            b'{"t\\u0065mperature":2,"model":"m","messages":[{"role":"user","content":"hi"}],'
            b'"temperature":0.5}'
        ),
    ],
    ids=["model twice", "model escaped", "messages twice", "setting twice", "setting escaped"],
)
@pytest.mark.parametrize(
    "policy", [POLICY, "decoding: {temperature: 0.5}\n", "decoding: {seed: 1}\n"]
)
def test_nothing_is_said_twice_to_the_application(tmp_path: Path, policy: str, body: bytes) -> None:
    """Whether it takes the first or the last of two, it reads what the policy was applied to."""
    rig = Rig(tmp_path, policy)
    rig.send(body)
    pairs: list[tuple[str, Any]] = json.loads(rig.host.bodies[-1], object_pairs_hook=list)
    names = [name for name, _ in pairs]
    assert names.count("model") == names.count("messages") == 1
    assert names.count("temperature") <= 1
    if "temperature" in policy:
        assert dict(pairs)["temperature"] == 0.5


def test_conversation_given_twice_is_said_once_where_the_policy_only_looks_at_it(
    tmp_path: Path,
) -> None:
    """The prompt is placed only where there is none: of two conversations, one has one."""
    rig = Rig(tmp_path, "system_prompt: {text: Be careful., placement: if_absent}\n")
    without = b'"messages":[{"role":"user","content":"hi"}]'
    having = b'"messages":[{"role":"system","content":"s"},{"role":"user","content":"hi"}]'
    rig.send(b'{"model":"m",' + without + b"," + having + b"}")
    assert rig.host.bodies[-1].count(b'"messages"') == 1


@pytest.mark.parametrize("name", ["Messages", "TEMPERATURE", "Model", "\u017ftop", "max_\u212aens"])
def test_known_name_in_other_letters_does_not_pass_as_another(tmp_path: Path, name: str) -> None:
    """Servers written in Go take one for the other."""
    rig = Rig(tmp_path)
    reply = rig.send(msgspec.json.encode({**ASK, name: 1}))
    folded = name.casefold() in {"messages", "temperature", "model", "stop"}
    assert (reply.status == 400) is folded


def test_folded_names_within_messages_are_refused_for_ollama(tmp_path: Path) -> None:
    """It would take `Role` for the role."""
    rig = Rig(tmp_path, flavour="ollama")
    reply = rig.ask(messages=[{"role": "user", "Role": "system", "content": "hi"}])
    assert reply.status == 400
    assert rig.host.bodies == []


@pytest.mark.parametrize(
    "body",
    [
        BODY.decode().encode("utf-16"),
        BODY.decode().encode("utf-32"),
        b"\xef\xbb\xbf" + BODY,
        BODY.replace(b"hi", b"\xff"),
        BODY.replace(b"2}", b"NaN}"),
        BODY + BODY,
        BODY + b"\n{}",
        b"'" + BODY,
        b"[" * 100_000 + b"]" * 100_000,
        urlencode({"model": "m", "messages": "[]"}).encode(),
        gzip.compress(BODY),
        zlib.compress(BODY),
    ],
    ids=["utf-16", "utf-32", "bom", "no utf-8", "nan", "two", "two lines", "quote", "deep", "form",
         "gzip", "deflate"],
)  # fmt: skip
def test_what_somebody_might_read_and_we_cannot_is_refused(tmp_path: Path, body: bytes) -> None:
    """Python's own JSON parser takes several of these."""
    rig = Rig(tmp_path)
    assert rig.send(body).status == 400
    assert rig.host.scopes == []


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "x-gzip"])
def test_encoded_body_is_refused_whatever_is_in_it(tmp_path: Path, encoding: str) -> None:
    """A layer inside could decode it, or fail to."""
    rig = Rig(tmp_path)
    for body in (gzip.compress(BODY), BODY):
        assert rig.send(body, headers=[("content-encoding", encoding)]).status == 415
    assert rig.host.scopes == []


@pytest.mark.parametrize(
    "content_type",
    [
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-7",
        "text/plain",
        "application/yaml",
    ],
)
def test_body_is_read_as_what_was_checked(tmp_path: Path, content_type: str) -> None:
    """The same bytes can be a form, or other JSON in another charset: the type says what it was."""

    async def read(request: Request) -> Response:
        if "json" in request.headers["content-type"]:
            return JSONResponse(await request.json())
        return JSONResponse({"form": (await request.body()).decode()})

    write_policy(tmp_path, "careful", POLICY)
    app = Starlette(
        routes=[Route(CHAT, read, methods=["POST"])],
        middleware=[Middleware(GuardTune, policies=tmp_path)],
    )
    headers = [("content-type", content_type)]
    reply = asyncio.run(call(app, "POST", CHAT, body=BODY, headers=headers))
    assert reply.json["temperature"] == 0.5


@pytest.mark.parametrize("announced", [True, False])
def test_body_over_the_limit_is_refused_however_it_comes(
    tmp_path: Path, *, announced: bool
) -> None:
    """With its length, with another one, or without."""
    rig = Rig(tmp_path, max_body_bytes=64)
    headers = [("content-length", "10" if announced else "10000")]
    pieces = [BODY, b" " * 64] if announced else [b""]
    assert rig.send(pieces, headers=headers).status == 413
    assert rig.send([BODY[:40], BODY[40:], b" " * 64]).status == 413
    assert rig.host.scopes == []


def test_body_in_single_bytes_is_one_body(tmp_path: Path) -> None:
    """A chunk may end anywhere."""
    rig = Rig(tmp_path)
    rig.send([BODY[n : n + 1] for n in range(len(BODY))])
    assert rig.host.asked["temperature"] == 0.5


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "GET", "DELETE", "QUERY"])
def test_any_method_with_a_body_is_guarded(tmp_path: Path, method: str) -> None:
    """An application may take them all."""
    rig = Rig(tmp_path)
    rig.send(BODY, method=method)
    assert rig.host.asked["temperature"] == 0.5


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_request_without_a_body_passes(tmp_path: Path, method: str) -> None:
    """A browser asks before it posts."""
    rig = Rig(tmp_path)
    assert rig.send(b"", method=method).status == 200
    assert rig.host.bodies == [b""]


def test_websocket_on_a_guarded_route_is_refused(tmp_path: Path) -> None:
    """Nobody would look at what comes in over it."""
    rig = Rig(tmp_path)
    sent: list[Any] = []

    async def never() -> Any:
        raise AssertionError

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {**scope_of("GET", "/v1/responses"), "type": "websocket"}
    asyncio.run(rig.app(scope, never, send))
    assert [message["type"] for message in sent] == ["websocket.close"]
    assert rig.host.scopes == []
    asyncio.run(rig.app({**scope, "path": "/chat"}, _disconnected, send))
    assert [scope["type"] for scope in rig.host.scopes] == ["websocket"]


def _answering() -> Starlette:
    async def asked(request: Request) -> Response:
        return JSONResponse(await request.json())

    return Starlette(routes=[Route(CHAT, asked, methods=["POST"])])


@pytest.mark.parametrize("path", ["/llm" + CHAT, "/llm" + CHAT.replace("at", "%61t")])
def test_mounted_application_is_guarded_from_outside_and_from_inside(
    tmp_path: Path, path: str
) -> None:
    """The path then has the mount's before it."""
    write_policy(tmp_path, "careful", POLICY)
    inner = _answering()
    outside = Starlette(
        routes=[Mount("/llm", inner)], middleware=[Middleware(GuardTune, policies=tmp_path)]
    )
    inside = Starlette(routes=[Mount("/llm", GuardTune(_answering(), policies=tmp_path))])
    for app in (outside, inside):
        reply = asyncio.run(call(app, "POST", path.replace("%61", "a"), body=BODY))
        assert reply.json["temperature"] == 0.5


def test_root_path_makes_no_difference(tmp_path: Path) -> None:
    """Behind a reverse proxy, with or without the prefix in the path."""
    write_policy(tmp_path, "careful", POLICY)
    app = Starlette(
        routes=_answering().routes, middleware=[Middleware(GuardTune, policies=tmp_path)]
    )

    async def rooted(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "root_path": "/api"}, receive, send)

    for path in (CHAT, "/api" + CHAT):
        reply = asyncio.run(call(rooted, "POST", path, body=BODY))
        assert reply.json["temperature"] == 0.5


def test_slash_at_the_end_leads_to_no_unguarded_route(tmp_path: Path) -> None:
    """For an application that has both, too."""

    async def asked(request: Request) -> Response:
        return JSONResponse(await request.json())

    write_policy(tmp_path, "careful", POLICY)
    app = Starlette(
        routes=[Route(path, asked, methods=["POST"]) for path in (CHAT, CHAT + "/")],
        middleware=[Middleware(GuardTune, policies=tmp_path)],
    )
    for path in (CHAT, CHAT + "/"):
        reply = asyncio.run(call(app, "POST", path, body=BODY))
        assert reply.json["temperature"] == 0.5


HEADERS: Headers = [
    ("x-guardtune-policy", "passthrough@0"),
    ("X-GuardTune-Anything", "1"),
    ("x-guardtune-conversation", "c"),
]


def test_headers_of_ours_do_not_come_in(tmp_path: Path) -> None:
    """But for the one that is a client's to send."""
    rig = Rig(tmp_path)
    rig.send(BODY, headers=HEADERS)
    names = [name for name, _ in rig.host.scopes[-1]["headers"]]
    assert [name for name in names if name.startswith(b"x-guardtune-")] == [
        b"x-guardtune-conversation"
    ]


BODIES = [
    BODY,
    b'{ "model": "m", "messages": [{"role": "user", "content": "hi"}], "unknown": [1e2] }',
    (
        b'{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":"hi"},'
        b'{"role":"assistant","content":"Sure"}],"n_predict":99,"samplers":["x"],"min_tokens":5}'
    ),
    (
        b'{"model":"m","messages":[{"role":"developer","content":[{"type":"text","text":"d"}]}],'
        b'"temperature":0.5,"temperature":9,"logit_bias":{"1":-100}}'
    ),
    b'{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":null,"stream":false}',
]


def test_application_is_asked_what_the_server_would_ask(tmp_path: Path) -> None:
    """Byte for byte: the same policy, behind `guardtune serve` and inside an application."""
    rig = Rig(tmp_path / "inside")

    async def answer(_request: Received, connection: Connection) -> None:
        await connection.respond(b"{}")

    async def act(server: Any) -> None:
        for body in BODIES:
            behind = await server.post(CHAT, body)
            inside: Reply = await call(rig.app, "POST", CHAT, body=body)
            for name in ("policy", "overridden", "ignored"):
                header = f"x-guardtune-{name}"
                assert inside.headers.get(header) == behind.headers.get(header)
        await rig.app._policies.close()

    upstream = run(act, tmp_path / "behind", answer, policy=POLICY)
    assert rig.host.bodies == [asked.body for asked in upstream.requests]


async def _disconnected() -> Any:
    return {"type": "websocket.disconnect"}
