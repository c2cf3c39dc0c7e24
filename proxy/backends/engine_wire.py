"""What the proxy and its engine processes say to each other, beside OpenAI's wire.

The proxy writes its `Orders` as one line into the child's stdin and keeps that pipe open: its end
is the proxy's end. The child answers with one `Report` on stdout, once. Requests then go over a
unix socket in a folder that only this user can enter.
"""

from __future__ import annotations

from typing import Any

import msgspec

from proxy.engine.stats import EngineStats, Pulse
from proxy.upstream.base import Timeouts, UpstreamClient
from proxy.upstream.endpoint import Endpoint

PULSE_PATH = "/internal/pulse"
STATS_PATH = "/internal/stats"

PRIORITY_HEADER = b"x-guardtune-priority"
"""A `domain.Priority` as a number. Believed, because only the proxy reaches the socket."""


class Orders(msgspec.Struct, frozen=True):
    """What one engine process is to do.

    Args:
        model: a `LlamaCppConfig`, as JSON has it.
        socket_path: where to listen.
        log_level: of its log on stderr, as `logging` counts.
    """

    model: dict[str, Any]
    socket_path: str
    log_level: int


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The model is loaded, and the socket answers."""


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The model cannot be loaded; `message` says why and what to do."""

    message: str


Report = Ready | Failed

encode = msgspec.json.Encoder().encode
decode_orders = msgspec.json.Decoder(Orders).decode
decode_report = msgspec.json.Decoder(Report).decode
decode_stats = msgspec.json.Decoder(EngineStats).decode
decode_pulse = msgspec.json.Decoder(Pulse).decode


async def ask(client: UpstreamClient, socket_path: str, path: str, *, within_s: float) -> bytes:
    """What an engine process says of itself.

    Args:
        client: the connections to use.
        socket_path: where it listens.
        path: `STATS_PATH` or `PULSE_PATH`.
        within_s: for the whole answer.

    Raises:
        UpstreamError: there is no answer.
    """
    timeouts = Timeouts(
        connect_s=within_s, first_byte_s=within_s, idle_s=within_s, total_s=within_s
    )
    endpoint = Endpoint(f"http://localhost{path}", socket_path)
    async with client.request("GET", endpoint, (), b"", timeouts) as response:
        return b"".join([part async for part in response.chunks])
