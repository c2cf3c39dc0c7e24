"""A closed loop of connections, each asking again as soon as it has its answer."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import httptools
import uvloop

from benchmarks.proxy.work import REQUEST


@dataclass(frozen=True, slots=True)
class Load:
    """What one run saw.

    Args:
        seconds: how long it took.
        latencies_s: of each answer, sorted.
    """

    seconds: float
    latencies_s: Sequence[float]

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return len(self.latencies_s) / self.seconds

    def quantile_ms(self, share: float) -> float:
        """The latency that this share of answers did not exceed."""
        rank = max(0, math.ceil(share * len(self.latencies_s)) - 1)
        return 1000 * self.latencies_s[rank]


class _Client(asyncio.Protocol):
    def __init__(self, until: float, latencies_s: list[float], done: asyncio.Future[None]) -> None:
        self._until = until
        self._latencies_s = latencies_s
        self._done = done
        self._parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        now = time.perf_counter()
        if self._parser.get_status_code() != 200:  # noqa: PLR2004 - OK
            self._end(RuntimeError(f"answered {self._parser.get_status_code()}"))
            return
        self._latencies_s.append(now - self._asked_at)
        if now < self._until:
            self._ask()
        else:
            self._end()

    def connection_lost(self, _error: Exception | None) -> None:
        self._end(ConnectionError("the server closed a connection"))

    def _ask(self) -> None:
        self._asked_at = time.perf_counter()
        self._transport.write(REQUEST)

    def _end(self, error: Exception | None = None) -> None:
        if self._done.done():
            return
        if error is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(error)
        self._transport.abort()


def load(port: int, *, connections: int, seconds: float) -> Load:
    """Ask a server on this machine for so long.

    Raises:
        RuntimeError: an answer was no 200.
        ConnectionError: it closed a connection.
    """

    async def run() -> Load:
        loop, latencies_s = asyncio.get_running_loop(), list[float]()
        started = time.perf_counter()
        ends = [loop.create_future() for _ in range(connections)]
        for end in ends:
            client = partial(_Client, started + seconds, latencies_s, end)
            await loop.create_connection(client, "127.0.0.1", port)
        await asyncio.gather(*ends)
        return Load(time.perf_counter() - started, sorted(latencies_s))

    return uvloop.run(run())
