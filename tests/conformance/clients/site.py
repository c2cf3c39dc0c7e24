"""A real `guardtune serve` with a model of each kind, for clients that do not know us."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.clients.behind import GREETING, WEATHER, Behind, behind
from tests.edge import write_policy
from tests.integration.server import Server, serving

KEY = "sk-client"
ADMIN_KEY = "sk-admin"
LOCAL = pytest.param("local", marks=pytest.mark.gguf)
ALL = ["scripted", "passed", LOCAL]
"""Served names: a script, a server behind the proxy, and the real small model."""

ABLE = ["passed", LOCAL]
"""Those that know tools, several answers and figures."""

GREETED = ["scripted", "passed"]
"""Those that are known to answer a hello with `GREETING`."""

POLICY = """\
system_prompt: {text: Be kind.}
decoding: {temperature: {default: 0.0}, max_tokens: {default: 48, max: 400}}
"""
RULES: list[dict[str, Any]] = [
    {"user": "^wait$", "hang": True},
    {"user": "^break$", "answers": [GREETING], "break_after": 2},
    *({"user": f"^status {status}$", "status": status} for status in (429, 500, 503)),
    {"user": "weather", "answers": [WEATHER]},
    {"answers": [GREETING]},
]
_LOOKS = 2000


@dataclass(frozen=True, slots=True)
class Site:
    """Everything that is running.

    Args:
        server: the proxy.
        behind: what answers as `passed`.
    """

    server: Server
    behind: Behind

    @property
    def base_url(self) -> str:
        """What clients are given."""
        return f"{self.server.url}/v1"

    def settles(self, sample: str = "guardtune_in_flight", value: float = 0) -> bool:
        """Whether a metric comes to a value; each look is a round trip, in which work goes on."""
        return any(self.server.metric(sample) == value for _ in range(_LOOKS))

    def frees(self, model: str) -> bool:
        """Whether a model has nothing to do any more, once its client has left.

        The server behind `passed` must have seen its connection close.
        """
        if model == "passed":
            self.behind.left.get(timeout=10)
        if model == "local" and not self.settles('llamacpp:requests_processing{model="local"}'):
            return False
        return self.settles()


@contextmanager
def standing(folder: Path, *, has_local: bool) -> Iterator[Site]:
    """Run it all until the block is left."""
    write_policy(folder / "policies", "careful", POLICY)
    local = {"name": "local", "backend": "llama_cpp", "path": "embedded", "n_ctx_tokens": 4096}
    with behind() as played:
        passed = {"name": "passed", "backend": "openai", "base_url": played.server.url}
        config = {
            "models": [
                {"name": "scripted", "backend": "scripted", "rules": RULES},
                {**passed, "retries": {"max_retries": 0}},
                *([local] if has_local else []),
            ],
            "keys": [
                {"id": "team-a", "secret_env": "CLIENT_KEY"},
                {"id": "boss", "secret_env": "ADMIN_KEY", "admin": True},
            ],
            "policies": str(folder / "policies"),
            "passthrough_routes": ["/v1/rerank"],
            "judging": {"judge": "scripted"},
            "probing": {"enabled": False},
        }
        with serving(folder, config, environ={"CLIENT_KEY": KEY, "ADMIN_KEY": ADMIN_KEY}) as server:
            yield Site(server, played)
