"""Clients of many streams at once, looking at when each delta comes."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import cast

import uvloop

from benchmarks.proxy.processes import ContenderError, Running
from benchmarks.proxy.work import STREAM_BODY, request

STALL_S = 0.2
"""A gap that somebody would notice, before the first delta or between two of them.

The upstream sends one at once and then one every 20 ms.
"""

_DONE = b"data: [DONE]"
_OK = b"HTTP/1.1 200"


@dataclass
class Seen:
    """What the clients of one run saw.

    Attributes:
        ttft_s: of each stream, from its request to its first delta.
        gaps_s: of each stream, the longest time without a network read.
        n_deltas: of all streams.
        n_whole: streams that ended with ``[DONE]``.
        failure: why the run is worth nothing; empty if it is not.
    """

    ttft_s: list[float] = field(default_factory=list)
    gaps_s: list[float] = field(default_factory=list)
    n_deltas: int = 0
    n_whole: int = 0
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Streams:
    """What came of it.

    Args:
        ttft_p50_ms: median time to the first delta.
        ttft_p99_ms: that 1 stream in 100 exceeded.
        longest_gap_ms: of all streams.
        n_deltas: that came.
        delta_cpu_us: CPU time of the contender a delta, in microseconds.
    """

    ttft_p50_ms: float
    ttft_p99_ms: float
    longest_gap_ms: float
    n_deltas: int
    delta_cpu_us: float

    @property
    def has_stall(self) -> bool:
        """Whether some stream stood still for too long."""
        return self.longest_gap_ms > 1000 * STALL_S


class _Client(asyncio.Protocol):
    """One connection: a stream after the other."""

    def __init__(self, seen: Seen, n_streams: int, done: asyncio.Future[None]) -> None:
        self._seen = seen
        self._n_left = n_streams
        self._done = done
        self._is_first, self._gap_s, self._tail = True, 0.0, b""
        self._asked_at = self._last_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        if self._is_first:
            self._is_first = False
            if not data.startswith(_OK):
                self._seen.failure = f"answered {data[:60]!r}"
            self._gap_s = now - self._asked_at
            self._seen.ttft_s.append(self._gap_s)
        else:
            self._gap_s = max(self._gap_s, now - self._last_at)
        self._last_at = now
        self._seen.n_deltas += data.count(b'"delta":')
        self._tail = self._tail[-32:] + data[-32:]
        if _DONE in self._tail and self._tail.endswith(b"0\r\n\r\n"):
            self._seen.n_whole += 1
            self._seen.gaps_s.append(self._gap_s)
            self._n_left -= 1
            self._ask()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self._done.done():
            self._seen.failure = self._seen.failure or "the connection was closed"
            self._done.set_result(None)

    def _ask(self) -> None:
        if not self._n_left:
            self._done.set_result(None)
            self._transport.abort()
            return
        self._is_first, self._gap_s, self._tail = True, 0.0, b""
        self._asked_at = time.perf_counter()
        self._transport.write(request(STREAM_BODY))


def stream(contender: Running, *, n_streams: int, n_rounds: int) -> Streams:
    """Have so many streams at once, each followed by the next on its connection.

    Raises:
        ContenderError: some stream was cut off, or refused.
    """
    cpu_s = contender.cpu_s()
    seen = uvloop.run(_streams(contender.port, n_streams, n_rounds))
    cpu_s = contender.cpu_s() - cpu_s
    return summed_up(contender.name, seen, cpu_s, n_wanted=n_streams * n_rounds)


def summed_up(name: str, seen: Seen, cpu_s: float, *, n_wanted: int) -> Streams:
    """Make figures of what was seen. Raises ContenderError where streams are missing."""
    if seen.failure or seen.n_whole != n_wanted:
        reason = seen.failure or f"{n_wanted - seen.n_whole} of {n_wanted} streams did not end"
        raise ContenderError(f"{name}: {reason}")
    ttft_s = sorted(seen.ttft_s)
    return Streams(
        1000 * median(ttft_s),
        1000 * ttft_s[min(len(ttft_s) - 1, len(ttft_s) * 99 // 100)],
        1000 * max(seen.gaps_s),
        seen.n_deltas,
        1e6 * cpu_s / seen.n_deltas,
    )


async def _streams(port: int, n_streams: int, n_rounds: int) -> Seen:
    loop, seen = asyncio.get_running_loop(), Seen()
    ends: list[asyncio.Future[None]] = []
    for number in range(n_streams):
        ends.append(done := loop.create_future())
        client = partial(_Client, seen, n_rounds, done)
        await loop.create_connection(client, "127.0.0.1", port)
        # Spread over one interval of the upstream, as people's streams are.
        if number % 8 == 7:  # noqa: PLR2004 - a short pause now and then
            await asyncio.sleep(0.16 / n_streams)
    await asyncio.gather(*ends)
    return seen
