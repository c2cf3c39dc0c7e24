"""The real engine dies under the real server: its requests fail, the server stays."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from tests.edge import write_policy
from tests.integration.server import HttpReply, Server, serving
from tests.processes import children, is_running

pytestmark = pytest.mark.gguf

MODEL = "smollm2-135m-instruct"
GIVE_UP_S = 60
STORY = "Count from one to one thousand, in words."
NEVER_ENDS = {"2": -100}  # the token that ends an answer: a busy machine kills late


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A temporary folder of the server's own; short, because a socket's address is."""
    folder = Path(tempfile.mkdtemp())
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def server(tmp_path: Path, temporary: Path) -> Iterator[Server]:
    """A server with the embedded model in a process of its own."""
    config = {"policies": str(tmp_path / "policies"), "probing": {"enabled": False}}
    judging = {"judging": {"judge": "scripted"}}
    with serving(tmp_path, config | judging, environ={"TMPDIR": str(temporary)}) as running:
        yield running


def _body(text: str, **fields: Any) -> bytes:
    messages = [{"role": "user", "content": text}]
    return msgspec.json.encode({"model": MODEL, "messages": messages, **fields})


def _ask(server: Server, text: str, **fields: Any) -> HttpReply:
    return server.request("POST", "/v1/chat/completions", _body(text, **fields))


def _engine(server: Server) -> int:
    (pid,) = children(server.process.pid)
    return pid


def _until(condition: Callable[[], bool]) -> None:
    """Ask again and again: another process's doing has no event."""
    deadline = time.monotonic() + GIVE_UP_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come"


@pytest.mark.parametrize("how", [signal.SIGABRT, signal.SIGKILL])
def test_engine_that_dies_midway_costs_its_stream_and_comes_back(
    server: Server, how: signal.Signals
) -> None:
    """An error frame and no [DONE]; 503 with a time meanwhile; /health answers all along."""
    first = _engine(server)
    where = urlsplit(server.url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
    endless = _body(STORY, stream=True, max_tokens=4000, temperature=0, logit_bias=NEVER_ENDS)
    connection.request("POST", "/v1/chat/completions", endless)
    response = connection.getresponse()
    begun = response.readline()
    os.kill(first, how)
    rest = response.read()
    connection.close()
    assert begun.startswith(b"data: {")
    assert b'data: {"error":' in rest
    assert b"[DONE]" not in rest

    _until(lambda: server.get("/ready").status == 503)
    assert server.get("/health").status == 200
    away = _ask(server, "hello")
    assert (away.status, away.json["error"]["code"]) == (503, "restarting")
    assert int(away.headers["retry-after"]) >= 1

    def is_back() -> bool:
        assert server.get("/health").status == 200
        return server.get("/ready").status == 200

    _until(is_back)
    assert _ask(server, "Name one colour.", max_tokens=4).status == 200
    assert not is_running(first)
    assert _engine(server) != first
    assert server.metric(f'guardtune_engine_restarts_total{{model="{MODEL}"}}') == 1
    assert server.metric("guardtune_internal_errors_total") == 0
    assert how.name in server.log.read_text(encoding="utf-8")


def test_policies_are_computed_again_after_a_restart(tmp_path: Path, temporary: Path) -> None:
    """The first user after it shares what nobody has asked for but the proxy."""
    prompt = "system_prompt: {text: You are a patient teacher who answers in plain words.}\n"
    write_policy(tmp_path / "policies", "careful", prompt)
    config = {
        "policies": str(tmp_path / "policies"),
        "probing": {"enabled": False},
        "judging": {"judge": "scripted"},
    }
    with serving(tmp_path, config, environ={"TMPDIR": str(temporary)}) as server:
        prefixes = f'guardtune_engine_prefixes{{model="{MODEL}"}}'
        _until(lambda: server.metric(prefixes) == 1)
        os.kill(_engine(server), signal.SIGKILL)
        restarts = f'guardtune_engine_restarts_total{{model="{MODEL}"}}'
        _until(lambda: server.metric(restarts) == 1)
        _until(lambda: server.metric(prefixes) == 1)
        usage = _ask(server, "Why is the sky blue?", max_tokens=2).json["usage"]
        assert usage["prompt_tokens_details"]["cached_tokens"] > 16


def test_sigterm_lets_a_stream_end_and_leaves_nothing_behind(
    server: Server, temporary: Path
) -> None:
    """The engine ends last: no process, no socket, no folder."""
    engine = _engine(server)
    where = urlsplit(server.url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
    connection.request("POST", "/v1/chat/completions", _body(STORY, stream=True, max_tokens=60))
    response = connection.getresponse()
    response.readline()
    server.process.send_signal(signal.SIGTERM)
    assert response.read().endswith(b"data: [DONE]\n\n")
    connection.close()
    assert server.process.wait(GIVE_UP_S) == 0
    assert not is_running(engine)
    assert [path.name for path in temporary.glob("guardtune-*")] == []
    log = server.log.read_text(encoding="utf-8")
    assert not any(word in log for word in ("Traceback", "Fatal", "ERROR", "killed"))


def test_killed_server_takes_its_engine_along(server: Server, temporary: Path) -> None:
    """The pipe between them breaks."""
    engine = _engine(server)
    server.process.kill()
    server.process.wait()
    _until(lambda: not is_running(engine))
    assert list(temporary.glob("guardtune-*")) == []


def test_leaving_client_frees_the_engines_slot(server: Server) -> None:
    """Across the socket."""
    where = urlsplit(server.url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
    connection.request("POST", "/v1/chat/completions", _body(STORY, stream=True, max_tokens=4000))
    connection.getresponse().readline()
    sample = f'llamacpp:requests_processing{{model="{MODEL}"}}'
    assert server.metric(sample) == 1
    connection.sock.close() if connection.sock else None
    connection.close()
    _until(lambda: server.metric(sample) == 0)
    assert (server.metric(f'llamacpp:tokens_predicted_total{{model="{MODEL}"}}') or 0) < 2000
