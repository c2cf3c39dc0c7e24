"""A whole proxy between a real client and a real upstream, in one event loop.

What a test leaves running, or held, fails it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import openai

from proxy.app import Proxy
from proxy.backends.config import OpenAIConfig
from proxy.backends.openai import OpenAIBackend
from tests.edge import StubJudge, assemble, scripted, write_policy
from tests.listening import listening
from tests.loopback import Handler, Loopback, loopback

GIVE_UP_S = 30
CHAT = "/v1/chat/completions"
ASK: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
UPSTREAM_KEY = "sk-upstream-secret"
CLIENT = "auto"
"""Which upstream client rigs use."""


@dataclass(frozen=True)
class HttpAnswer:
    """One response as it came over the wire, without its chunks' framing.

    Args:
        status: 0 where the connection was closed without a word.
        headers: names in lower case.
        body: as far as it came.
        is_whole: whether the server said that this was all.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_whole: bool

    @property
    def json(self) -> Any:
        """The decoded body."""
        return msgspec.json.decode(self.body)


class Rig:
    """Everything that is running.

    Attributes:
        url: the proxy's, without ``/v1``.
        proxy: with the models `m`, which is the upstream's, and `fake`, which is scripted.
        upstream: what it was asked.
        judge: what it saw.
    """

    def __init__(self, url: str, proxy: Proxy, upstream: Loopback, judge: StubJudge) -> None:
        self.url = url
        self.proxy = proxy
        self.upstream = upstream
        self.judge = judge
        self.resources = AsyncExitStack()

    async def openai(self) -> openai.AsyncOpenAI:
        """The official client, without retries of its own."""
        client = openai.AsyncOpenAI(base_url=f"{self.url}/v1", api_key="x", max_retries=0)
        return await self.resources.enter_async_context(client)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the proxy."""
        where = urlsplit(self.url)
        return await asyncio.open_connection(where.hostname, where.port)

    async def post(
        self, path: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> HttpAnswer:
        """Send one request on a connection of its own."""
        return await self.raw(request_bytes("POST", path, body, headers or {}))

    async def chat(self, **fields: Any) -> HttpAnswer:
        """Ask the upstream's model."""
        return await self.post(CHAT, msgspec.json.encode({**ASK, **fields}))

    async def raw(self, data: bytes) -> HttpAnswer:
        """Send these bytes and read all that comes until the proxy closes the connection."""
        reader, writer = await self.connect()
        writer.write(data)
        try:
            return parsed(await reader.read())
        except ConnectionResetError:
            return parsed(b"")
        finally:
            writer.close()

    async def metric(self, sample: str) -> float:
        """Read one sample by name and labels, once all answers are judged; 0 if absent."""
        await self.proxy.service.parts.live.join()
        text = (await self.raw(request_bytes("GET", "/metrics", b"", {}))).body.decode()
        values = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")
        return float(values.get(sample, 0))

    async def failures(self, error_type: str) -> float:
        """How many failures of `m` of this kind were counted."""
        labels = f'error_type="{error_type}",model="m"'
        return await self.metric(f"guardtune_upstream_errors_total{{{labels}}}")

    async def unjudged(self, reason: str = "incomplete") -> float:
        """How many answers were not judged for this reason."""
        return await self.metric(f'guardtune_unjudged_total{{reason="{reason}"}}')

    async def requests(self, code: int, *, stream: bool = False, policy: str = "careful") -> float:
        """How many requests to `m` ended with this status."""
        labels = f'code="{code}",model="m",policy="{policy}",stream="{str(stream).lower()}"'
        return await self.metric(f"guardtune_requests_total{{{labels}}}")


def request_bytes(method: str, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """A request that asks for the connection to be closed behind its answer."""
    fields = {
        "host": "x",
        "connection": "close",
        "content-length": str(len(body)),
        "content-type": "application/json",
        **headers,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


def parsed(data: bytes) -> HttpAnswer:
    """Read a response off the wire."""
    head, _, body = data.partition(b"\r\n\r\n")
    if not head:
        return HttpAnswer(0, {}, b"", is_whole=False)
    first, *lines = head.decode("latin-1").split("\r\n")
    fields = (line.partition(": ") for line in lines)
    headers = {name.lower(): value for name, _, value in fields}
    status = int(first.split(" ")[1])
    if headers.get("transfer-encoding") == "chunked":
        return HttpAnswer(status, headers, *_unchunked(body))
    is_whole = len(body) == int(headers.get("content-length", len(body)))
    return HttpAnswer(status, headers, body, is_whole=is_whole)


def _unchunked(data: bytes) -> tuple[bytes, bool]:
    body = b""
    while True:
        size, end, rest = data.partition(b"\r\n")
        if not end:
            return body, False
        n_bytes = int(size, 16)
        if n_bytes == 0:
            return body, True
        body += rest[:n_bytes]
        data = rest[n_bytes + 2 :]


@asynccontextmanager
async def rigged(
    folder: Path,
    handler: Handler,
    *,
    policy: str | None = "",
    model: Mapping[str, Any] | None = None,
    **settings: Any,
) -> AsyncIterator[Rig]:
    """Put everything together, and take it apart.

    Args:
        folder: of the policies; the rig's is called `careful`.
        handler: the upstream's.
        policy: what stands in it; None for no policy.
        model: further configuration of `m`.
        settings: further settings of the proxy.
    """
    if policy is not None:
        write_policy(folder, "careful", policy)
    judge = StubJudge()
    async with asyncio.timeout(GIVE_UP_S), loopback(handler) as upstream:
        given = {"name": "m", "base_url": upstream.url, "client": CLIENT, **(model or {})}
        backend = OpenAIBackend(OpenAIConfig.model_validate(given), environ={"KEY": UPSTREAM_KEY})
        proxy = assemble(folder, [backend, scripted()], judge=judge, **settings)
        async with listening(proxy) as url:
            rig = Rig(url, proxy, upstream, judge)
            async with rig.resources:
                yield rig
        assert proxy.service.parts.admission.in_flight == 0


def run(
    act: Callable[[Rig], Awaitable[None]], folder: Path, handler: Handler, **options: Any
) -> Loopback:
    """Do something with a rig, and return what its upstream was asked."""

    async def main() -> Loopback:
        async with rigged(folder, handler, **options) as rig:
            await act(rig)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return rig.upstream

    return asyncio.run(main())
