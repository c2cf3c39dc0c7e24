"""The engine process's routes, without a process."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from proxy.backends.config import LlamaCppConfig
from proxy.backends.engine_wire import (
    PULSE_PATH,
    STATS_PATH,
    decode_pulse,
    decode_stats,
)
from proxy.backends.routes import CHAT_PATH
from proxy.domain import Priority
from proxy.engine.stats import Pulse
from proxy.engine_server.app import engine_app
from tests.asgi import call
from tests.scripted_engine import ScriptedEngine


def _engine() -> ScriptedEngine:
    return ScriptedEngine(LlamaCppConfig(name="m", path="m.gguf"))


def _never() -> None:
    raise AssertionError("nothing is broken")


def _body(text: str, **fields: object) -> bytes:
    messages = [{"role": "user", "content": text}]
    return msgspec.json.encode({"model": "m", "messages": messages, **fields})


@pytest.mark.parametrize("priority", [None, *Priority])
def test_chat_is_answered_at_the_priority_that_the_proxy_gave(priority: Priority | None) -> None:
    """Users' where none is given."""
    engine = _engine()
    headers = [] if priority is None else [("x-guardtune-priority", str(priority.value))]
    headers.append(("x-request-id", "req-1"))
    reply = asyncio.run(
        call(
            engine_app(engine, on_broken=_never),
            "POST",
            CHAT_PATH,
            headers=headers,
            body=_body("hello"),
        )
    )
    assert reply.status == 200
    assert reply.json["choices"][0]["message"]["content"] == "Good day to you."
    (request,) = engine.requests
    assert request.priority == (priority or Priority.USER)
    assert request.request_id == "req-1"


def test_failures_are_openai_errors() -> None:
    """The proxy turns them back into the errors they were."""
    app = engine_app(_engine(), on_broken=_never)
    long = asyncio.run(call(app, "POST", CHAT_PATH, body=_body("long")))
    full = asyncio.run(call(app, "POST", CHAT_PATH, body=_body("full")))
    lost = asyncio.run(call(app, "GET", "/else"))
    assert (long.status, long.json["error"]["code"]) == (400, "context_length_exceeded")
    assert (full.status, full.headers["retry-after"]) == (503, "3")
    assert lost.status == 404


def test_client_that_leaves_frees_the_model() -> None:
    """As soon as the connection is closed."""
    engine = _engine()

    async def run() -> None:
        gone = asyncio.Event()
        body = _body("hold", stream=True)
        asked = call(engine_app(engine, on_broken=_never), "POST", CHAT_PATH, body=body, gone=gone)
        task = asyncio.get_running_loop().create_task(asked)
        for _ in range(10):
            await asyncio.sleep(0)
        assert engine.in_flight == 1
        gone.set()
        await task

    asyncio.run(run())
    assert engine.in_flight == 0


def test_pulse_and_stats() -> None:
    """What the proxy asks beside chats."""
    app = engine_app(_engine(), on_broken=_never)
    assert decode_pulse(asyncio.run(call(app, path=PULSE_PATH)).body) == Pulse()
    assert decode_stats(asyncio.run(call(app, path=STATS_PATH)).body).n_processing == 0


def test_backend_that_will_not_answer_any_more_is_reported() -> None:
    """The request still gets its 503; the process is replaced."""
    broken: list[bool] = []
    app = engine_app(_engine(), on_broken=lambda: broken.append(True))
    reply = asyncio.run(call(app, "POST", CHAT_PATH, body=_body("broken")))
    assert (reply.status, broken) == (503, [True])
