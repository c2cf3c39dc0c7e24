"""What clients get of each shape of stream, and what judges do: written down, to be compared with.

``python -m tests.conformance.streams`` writes `tests/golden/streams/` anew.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from proxy.app import Proxy
from proxy.backends.base import Backend
from proxy.backends.config import LiteLLMConfig, OpenAIConfig, ScriptedRule
from proxy.backends.litellm_sdk import LiteLLMBackend
from proxy.backends.local import LocalBackend
from proxy.backends.openai import OpenAIBackend
from proxy.backends.routes import CHAT_PATH, COMPLETIONS_PATH, RESPONSES_PATH
from tests.asgi import Reply, call
from tests.conformance import shapes
from tests.edge import StubJudge, assemble, running, scripted, write_policy
from tests.loopback import Connection, Received, loopback
from tests.proxy.backends.test_local import CONFIG, THINKING, says

GOLDEN = Path(__file__).parents[1] / "golden" / "streams"

_MESSAGES = [{"role": "user", "content": "hi"}]
_ASKED: Mapping[str, Mapping[str, Any]] = {
    CHAT_PATH: {"messages": _MESSAGES},
    COMPLETIONS_PATH: {"prompt": "hi"},
    RESPONSES_PATH: {"input": "hi"},
}
_SHOWN = ("content-type", "cache-control", "x-accel-buffering", "x-guardtune-policy")
_COUNTED = tuple(f"guardtune_{name}_total{{" for name in ("tokens", "unjudged", "upstream_errors"))
_ANEW = (
    (re.compile(r"chatcmpl-[0-9a-f]{12,}"), "chatcmpl-…"),
    (re.compile(r"call_[0-9A-Za-z]{8,}"), "call_…"),
    (re.compile(r'"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"'), '"…"'),
    (re.compile(r'"created":\d{9,}'), '"created":…'),
    (re.compile(r"@[0-9a-f]{12}"), "@…"),
)
"""What no two answers, or no two versions of the policy's schema, have in common."""


@dataclass(frozen=True)
class Stream:
    """One golden file: which backend is asked for what.

    Args:
        backend: `passed`, `litellm` in front of OpenAI's wire, `ollama` behind litellm, `local` or
            `scripted`.
        shape: its name in `shapes`.
        path: the route.
    """

    backend: str
    shape: str
    path: str = CHAT_PATH

    @property
    def file(self) -> Path:
        """Where it is kept."""
        route = self.path.removeprefix("/v1/").partition("/")[0]
        return GOLDEN / f"{self.backend}-{route}-{self.shape}.txt"


STREAMS: Sequence[Stream] = (
    *(Stream("passed", shape) for shape in shapes.CHAT),
    *(Stream("passed", shape, COMPLETIONS_PATH) for shape in shapes.COMPLETIONS),
    *(Stream("passed", shape, RESPONSES_PATH) for shape in shapes.RESPONSES),
    *(Stream("litellm", shape) for shape in shapes.CHAT),
    *(Stream("ollama", shape) for shape in shapes.OLLAMA),
    *(Stream("local", shape) for shape in shapes.LOCAL),
    *(Stream("scripted", shape) for shape in shapes.SCRIPTED),
)
SENT: Mapping[str, Mapping[str, str]] = {
    CHAT_PATH: shapes.CHAT,
    COMPLETIONS_PATH: shapes.COMPLETIONS,
    RESPONSES_PATH: shapes.RESPONSES,
}


async def recorded(stream: Stream, folder: Path) -> tuple[str, bytes]:
    """Play one stream through a whole proxy.

    Returns:
        The golden text, and the body as it came.
    """
    write_policy(folder, "careful", "decoding: {temperature: 0.5}\n")
    async with _backend(stream) as (backend, fields):
        judge = StubJudge()
        proxy = assemble(folder, [backend], judge=judge)
        body = {"model": backend.model, **_ASKED[stream.path], **fields, "stream": True}
        async with running(proxy):
            reply = await call(proxy.app, "POST", stream.path, body=msgspec.json.encode(body))
            await proxy.service.parts.live.join()
        asked = msgspec.json.encode(body).decode()
        seen = [*_judged(judge), *_counted(proxy)]
        text = "".join(_written(stream, asked, reply, seen))
    for pattern, instead in _ANEW:
        text = pattern.sub(instead, text)
    return text, reply.body


def _written(stream: Stream, asked: str, reply: Reply, seen: Sequence[str]) -> Iterator[str]:
    yield f"> POST {stream.path}\n> {asked}\n< {reply.status}\n"
    for name in _SHOWN:
        yield f"< {name}: {reply.headers.get(name, '-')}\n"
    yield f"\n{reply.body.decode()}"
    yield from (f"= {line}\n" for line in seen)


def _judged(judge: StubJudge) -> Iterator[str]:
    for seen in judge.seen:
        yield f"judged: {seen.answer!r}, {seen.finish_reason}"


def _counted(proxy: Proxy) -> Iterator[str]:
    lines = sorted(proxy.metrics.render().decode().splitlines())
    return (line for line in lines if line.startswith(_COUNTED) and not line.endswith(" 0.0"))


@asynccontextmanager
async def _backend(stream: Stream) -> AsyncIterator[tuple[Backend, Mapping[str, Any]]]:
    """What answers, and the fields with which it is asked."""
    match stream.backend:
        case "passed":
            async with _sending(SENT[stream.path][stream.shape]) as url:
                yield OpenAIBackend(OpenAIConfig(name="passed", base_url=url)), {}
        case "litellm":
            async with _sending(shapes.CHAT[stream.shape]) as url:
                yield _litellm("openai/upstream", url), shapes.ASKED.get(stream.shape, {})
        case "ollama":
            async with _sending(shapes.OLLAMA[stream.shape], b"application/x-ndjson") as url:
                backend = _litellm("ollama_chat/upstream", url.removesuffix("/v1"))
                yield backend, shapes.ASKED.get(stream.shape, {})
        case "local":
            said, fields = shapes.LOCAL[stream.shape]
            yield engine_saying(said, thinks=stream.shape == "reasoning"), fields
        case _:
            rule = ScriptedRule.model_validate(shapes.SCRIPTED[stream.shape])
            yield scripted(rule), {}


def engine_saying(answer: str, *, thinks: bool = False) -> LocalBackend:
    """The local backend over a model that gives one answer to everything."""
    runtime = says(answer)
    if thinks:
        runtime.chat_template = THINKING
    backend = LocalBackend(CONFIG)
    backend._engine._open_runtime = lambda: runtime
    return backend


def _litellm(model: str, url: str) -> Backend:
    config = LiteLLMConfig(name="litellm", upstream_model=model, api_base=url, api_key_env="KEY")
    return LiteLLMBackend(config, environ={"KEY": "test-key"})


@asynccontextmanager
async def _sending(body: str, kind: bytes = b"text/event-stream") -> AsyncIterator[str]:
    """The address of a server that answers everything with this stream."""

    async def send(_: Received, connection: Connection) -> None:
        await connection.start_stream(b"content-type: " + kind)
        for piece in (*shapes.pieces(body), b""):
            await connection.chunk(piece)

    async with loopback(send) as server:
        yield server.url


def main() -> int:
    """Write all files, and remove those that no shape has any more."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for stale in set(GOLDEN.iterdir()) - {stream.file for stream in STREAMS}:
        stale.unlink()
    for stream in STREAMS:
        with tempfile.TemporaryDirectory() as folder:
            text, _ = asyncio.run(recorded(stream, Path(folder)))
        stream.file.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
