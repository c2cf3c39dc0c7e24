"""A real LiteLLM proxy with our hook in it, in a process of its own, and an upstream behind it."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from proxy.engine.weights import default_cache
from tests.integration.server import HttpReply
from tests.threaded_server import QuietHandler, threaded

ROOT = Path(__file__).parents[2]
KEY = "sk-test-master"
READY_WITHIN_S = 180.0


def has_litellm_proxy() -> bool:
    """Whether there is an interpreter that has LiteLLM's proxy."""
    return find_spec("fastapi") is not None or _elsewhere() is not None


def interpreter(folder: Path) -> Path:
    """Return an interpreter that has LiteLLM's proxy and what we need ourselves.

    Where LiteLLM has an environment of its own, the two are joined; its packages come first.

    Args:
        folder: where to make the joined one.
    """
    if find_spec("fastapi") is not None:
        return Path(sys.executable)
    theirs = _elsewhere()
    assert theirs is not None
    venv.create(folder, with_pip=False)
    (packages,) = folder.glob("lib/python*/site-packages")
    (their_packages,) = theirs.parents[1].glob("lib/python*/site-packages")
    ours = Path(find_spec("msgspec").origin).parents[1]  # type: ignore[union-attr, arg-type]  # it is installed
    (packages / "joined.pth").write_text(f"{their_packages}\n{ours}\n", encoding="utf-8")
    return folder / "bin" / "python"


def _elsewhere() -> Path | None:
    """The environment that ``GUARDTUNE_LITELLM_PYTHON`` names, or the benchmarks have made."""
    if named := os.environ.get("GUARDTUNE_LITELLM_PYTHON"):
        return Path(named)
    made = (default_cache() / "benchmarks").glob("litellm-*/bin/python")
    return next(iter(sorted(made, reverse=True)), None)


@dataclass
class Upstream:
    """An OpenAI-compatible server that keeps what it is asked.

    Attributes:
        url: with ``/v1``.
        requests: path, headers and decoded body of each; a form's is ``{"form": text}``.
    """

    url: str = ""
    requests: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)

    @property
    def asked(self) -> Any:
        """The last body."""
        return self.requests[-1][2]


@contextmanager
def upstream() -> Iterator[Upstream]:
    """Serve until the block is left."""
    state = Upstream()

    class Handler(QuietHandler):
        protocol_version = "HTTP/1.1"

        def post(self) -> None:
            sent = self.read()
            is_json = self.headers["content-type"] == "application/json"
            body = json.loads(sent) if is_json else {"form": sent.decode()}
            state.requests.append((self.path, self.lower_headers(), body))
            if body.get("stream"):
                self.answer(_frames(), "text/event-stream")
            else:
                self.answer(json.dumps(_answer(self.path)).encode())

    with threaded(Handler) as port:
        state.url = f"http://127.0.0.1:{port}/v1"
        yield state


def _answer(path: str) -> dict[str, Any]:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    if path.endswith("/files"):
        head = {"id": "file-1", "object": "file", "bytes": 1, "created_at": 1}
        return {**head, "filename": "f", "purpose": "batch", "status": "processed"}
    if path.endswith("/embeddings"):
        data = [{"object": "embedding", "index": 0, "embedding": [0.5]}]
        return {"object": "list", "model": "u", "data": data, "usage": usage}
    if path.endswith("/responses"):
        part = {"type": "output_text", "text": "Good day.", "annotations": []}
        message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
        return {
            "id": "resp_1", "object": "response", "created_at": 1, "model": "u",
            "status": "completed", "output": [{**message, "content": [part]}],
            "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
            "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
        }  # fmt: skip
    head = {"id": "c-1", "created": 1, "model": "u", "usage": usage}
    choice: dict[str, Any] = {"index": 0, "finish_reason": "stop"}
    if path.endswith("/chat/completions"):
        choice["message"] = {"role": "assistant", "content": "Good day."}
        return {**head, "object": "chat.completion", "choices": [choice]}
    return {**head, "object": "text_completion", "choices": [{**choice, "text": "Good day."}]}


def _frames() -> bytes:
    head = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "u"}
    deltas = [({"role": "assistant", "content": "Good "}, None), ({"content": "day."}, None)]
    choices = [
        {"index": 0, "delta": delta, "finish_reason": reason}
        for delta, reason in [*deltas, ({}, "stop")]
    ]
    frames = [f"data: {json.dumps({**head, 'choices': [choice]})}\n\n" for choice in choices]
    return "".join([*frames, "data: [DONE]\n\n"]).encode()


@dataclass(frozen=True, slots=True)
class LiteLLM:
    """A LiteLLM proxy that runs."""

    port: int
    upstream: Upstream
    policies: Path

    def post(self, path: str, headers: dict[str, str] | None = None, **body: Any) -> HttpReply:
        """Send one request with the master key."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
        try:
            connection.request("POST", path, json.dumps(body), {**sent, **(headers or {})})
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return HttpReply(response.status, names, response.read())
        finally:
            connection.close()

    def chat(self, headers: dict[str, str] | None = None, **fields: Any) -> HttpReply:
        """Ask model `m` a question."""
        asked = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **fields}
        return self.post("/v1/chat/completions", headers, **asked)


@contextmanager
def running(folder: Path, config: str, environ: dict[str, str]) -> Iterator[LiteLLM]:
    """Run a LiteLLM proxy until the block is left.

    Args:
        folder: for its files and its log.
        config: its configuration; ``UPSTREAM`` in it becomes the upstream's address.
        environ: further variables.
    """
    python, port = interpreter(folder / "venv"), _free_port()
    with upstream() as behind, (folder / "litellm.log").open("wb") as log:
        path = folder / "litellm.yaml"
        path.write_text(config.replace("UPSTREAM", behind.url), encoding="utf-8")
        process = subprocess.Popen(
            [python, "-c", _START, "--config", path, "--port", str(port), "--host", "127.0.0.1"],
            cwd=folder,
            env={**os.environ, **_QUIET, "PYTHONPATH": str(ROOT), **environ},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait(process, port, folder / "litellm.log")
            yield LiteLLM(port, behind, Path(environ["GUARDTUNE_POLICIES"]))
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            process.kill()
            process.wait()


_START = "from litellm import run_server; run_server()"
_QUIET = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_OFFLINE_MODE": "true",
    "LITELLM_MASTER_KEY": KEY,
}


def _free_port() -> int:
    """Its command takes no socket: between this and its own listening, a port can be taken."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until it answers; fail with its log where it ends instead."""
    deadline = time.monotonic() + READY_WITHIN_S
    while process.poll() is None and time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with suppress(OSError), closing(connection):
            connection.request("GET", "/health/liveliness")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.2)
    raise AssertionError(f"LiteLLM does not answer:\n{log.read_text('utf-8')[-4000:]}")
