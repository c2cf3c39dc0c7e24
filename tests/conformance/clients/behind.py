"""The server behind the proxy: it plays the scene that the last message names, in a thread."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

from proxy.backends.render import Answer, Choice, ChunkTemplate, ToolCall, completion
from proxy.domain import Usage
from tests import openai_upstream
from tests.loopback import Connection, Loopback, Received, loopback

GREETING = "Good day to you."
WEATHER = '{"city":"Paris","degrees":21}'
ANSWER = Answer("chatcmpl-1", "upstream", 1)
USAGE = Usage(7, 4)
CALL = ToolCall("call_1", "weather", '{"city":"Paris"}')
_FIGURES = [{"token": "Good", "logprob": -0.5, "bytes": [71], "top_logprobs": []}]


class Behind:
    """What it was asked, and who left it early.

    Attributes:
        left: the scene of each request whose client went away before its end.
    """

    def __init__(self) -> None:
        self.server = Loopback(url="")
        self.left: SimpleQueue[str] = SimpleQueue()

    @property
    def last(self) -> Any:
        """The body of the latest request."""
        return self.server.requests[-1].json

    async def play(self, request: Received, connection: Connection) -> None:
        """Answer one request."""
        if request.path != "/v1/chat/completions":
            await openai_upstream.answer(request, connection)
            return
        asked = request.json
        scene = _last_text(asked)
        if scene.startswith("status "):
            await _refuse(connection, int(scene.removeprefix("status ")))
        elif scene == "wait":
            await connection.until_gone()
            self.left.put(scene)
        elif asked.get("stream"):
            await self._stream(asked, scene, connection)
        else:
            await connection.respond(completion(ANSWER, _choices(asked), USAGE))

    async def _stream(self, asked: Any, scene: str, connection: Connection) -> None:
        options = asked.get("stream_options") or {}
        template = ChunkTemplate(ANSWER, include_usage=options.get("include_usage", False))
        await connection.start_stream()
        for index, choice in enumerate(_choices(asked)):
            await connection.chunk(template.role(index=index))
            for place, call in enumerate(choice.tool_calls):
                await connection.chunk(template.tool_call(call, place=place, index=index))
            for word in re.findall(r"\S+\s*", choice.text):
                await connection.chunk(template.delta(word, index=index))
                if scene == "hold":
                    await connection.until_gone()
                    self.left.put(scene)
                    return
                if scene == "break":
                    connection.abort()
                    return
            await connection.chunk(template.finish(choice.finish_reason, index=index))
        await connection.chunk(template.end(USAGE))
        await connection.chunk(b"")


async def _refuse(connection: Connection, status: int) -> None:
    error = {"message": "Slow down.", "type": "rate_limit_error", "param": None, "code": "busy"}
    headers = b"content-type: application/json\r\nretry-after: 30"
    await connection.respond(json.dumps({"error": error}).encode(), status=status, headers=headers)


def _choices(asked: Any) -> list[Choice]:
    return [_choice(asked)] * (asked.get("n") or 1)


def _choice(asked: Any) -> Choice:
    if asked.get("tools") and asked["messages"][-1]["role"] == "user":
        return Choice("", "tool_calls", tool_calls=[CALL])
    if (asked.get("response_format") or {}).get("type") == "json_schema":
        return Choice(WEATHER, "stop")
    return Choice(GREETING, "stop", logprobs=_FIGURES if asked.get("logprobs") else None)


def _last_text(asked: Any) -> str:
    content = asked["messages"][-1].get("content")
    return content if isinstance(content, str) else ""


@contextmanager
def behind() -> Iterator[Behind]:
    """Run it until the block is left."""
    played = Behind()
    begun: Future[asyncio.AbstractEventLoop] = Future()
    ended = asyncio.Event()

    async def serve() -> None:
        async with loopback(played.play) as played.server:
            begun.set_result(asyncio.get_running_loop())
            await ended.wait()

    thread = threading.Thread(target=asyncio.run, args=[serve()], name="behind")
    thread.start()
    loop = begun.result(timeout=10)
    try:
        yield played
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(timeout=10)
