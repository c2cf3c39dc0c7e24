"""Parts for tests of the HTTP edge: a judge that is told what to say, policies, a whole proxy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from proxy.app import Proxy, build
from proxy.backends.base import Backend
from proxy.backends.config import ScriptedConfig, ScriptedRule
from proxy.backends.scripted import ScriptedBackend
from proxy.domain import Exchange, Verdict
from proxy.settings import Settings


class StubJudge:
    """A judge for tests: unscored without a label, safe with one; or whatever ``decide`` says."""

    def __init__(self, decide: Callable[[Exchange], Verdict] | None = None) -> None:
        self._decide = decide or by_label
        self.seen: list[Exchange] = []
        self.gate: asyncio.Event | None = None

    @property
    def judge_id(self) -> str:
        """A name and a version."""
        return "stub-1"

    async def start(self) -> None:
        """Do nothing."""

    async def judge(self, exchange: Exchange) -> Verdict:
        """Judge one exchange, once the gate is open."""
        if self.gate is not None:
            await self.gate.wait()
        self.seen.append(exchange)
        return self._decide(exchange)

    async def close(self) -> None:
        """Do nothing."""


def by_label(exchange: Exchange) -> Verdict:
    """Decide as the embedded judge does: nothing without a label."""
    if exchange.kind is None:
        return Verdict("stub-1", "unscored", reason="no label")
    harmful = False if exchange.kind == "harmful" else None
    return Verdict("stub-1", "scored", harmful=harmful, unsafe=0.1, relevant=0.75, useful=0.5)


def scripted(
    *rules: ScriptedRule,
    name: str = "fake",
    before_delta: Callable[[int], Awaitable[None]] | None = None,
) -> ScriptedBackend:
    """Make a scripted backend; without rules it answers ``OK.``."""
    config = ScriptedConfig(name=name, rules=rules or (ScriptedRule(),))
    return ScriptedBackend(config, before_delta=before_delta)


def write_policy(folder: Path, name: str, rest: str = "") -> Path:
    """Write a policy file and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.yaml"
    path.write_text(f"schema: 1\nname: {name}\n{rest}", encoding="utf-8")
    return path


def assemble(
    folder: Path,
    backends: Sequence[Backend] = (),
    *,
    judge: StubJudge | None = None,
    environ: dict[str, str] | None = None,
    **settings: Any,
) -> Proxy:
    """Put a proxy together around scripted backends; probes are off unless asked for."""
    backends = backends or [scripted()]
    models = [{"name": backend.model, "backend": "scripted"} for backend in backends]
    data = {"probing": {"enabled": False}, "models": models, **settings, "policies": str(folder)}
    return build(
        Settings.model_validate(data),
        environ=environ or {},
        backends=backends,
        judge=judge or StubJudge(),
    )


@asynccontextmanager
async def running(proxy: Proxy) -> AsyncIterator[Proxy]:
    """Start a proxy's service, wait until it is ready, and close it."""
    proxy.service.start()
    try:
        await proxy.service.loaded()
        yield proxy
    finally:
        await proxy.service.close()
