"""What the proxy and its engine processes say to each other, beside OpenAI's wire.

The proxy writes its `Orders` as one line into the child's stdin and keeps that pipe open: its end
is the proxy's end. The child answers with one `Report` on stdout, once. Requests then go over a
unix socket in a folder that only this user can enter.
"""

from __future__ import annotations

from typing import Any

import msgspec

from proxy.engine.stats import EngineStats

CHAT_PATH = "/v1/chat/completions"
HEALTH_PATH = "/internal/health"
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
