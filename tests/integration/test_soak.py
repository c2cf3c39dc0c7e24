"""Four times more clients than may run or wait, for a while, on the real model.

Ten seconds in the ordinary run; ``GUARDTUNE_SOAK_S=30`` makes it longer.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.integration.server import Server, serving
from tests.processes import children, resident_bytes

pytestmark = [pytest.mark.gguf, pytest.mark.slow]

MODEL = "smollm"
SOAK_S = float(os.environ.get("GUARDTUNE_SOAK_S", "10"))
SEED = 20261128

N_SLOTS, N_ENGINE_QUEUE = 4, 4
N_IN_FLIGHT, N_QUEUED = 12, 4
"""The edge lets in more than the engine takes, so that both have to turn clients away."""

N_CLIENTS = 4 * (N_IN_FLIGHT + N_QUEUED)
N_CTX_TOKENS = 512
ANSWER_WITHIN_S = 60
HEALTH_WITHIN_S = 10
ALIVE_WITHIN_S = 0.1
"""What is promised of a saturated server; half of the answers, on a machine that is shared."""
MAX_GROWTH_BYTES = 64 * 2**20


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """The embedded model with few slots, short queues and a small cache."""
    model = {
        "name": MODEL, "backend": "llama_cpp", "path": "embedded", "slots": N_SLOTS,
        "max_queued": N_ENGINE_QUEUE, "n_ctx_tokens": N_CTX_TOKENS,
    }  # fmt: skip
    config = {
        "policies": str(tmp_path / "policies"),
        "models": [model],
        "limits": {"max_in_flight": N_IN_FLIGHT, "max_queued": N_QUEUED},
        "judging": {"judge": "scripted"},
        "probing": {"enabled": False},
    }
    with serving(tmp_path, config) as running:
        yield running


@dataclass
class Crowd:
    """Clients that ask again at once, and after a refusal as soon as anybody's answer has ended.

    A quarter of them leaves each answer at its first piece.
    """

    server: Server
    session: aiohttp.ClientSession
    ends_at: float
    outcomes: Counter[str] = field(default_factory=Counter)
    health_s: list[float] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def client(self, number: int) -> None:
        """Ask until the time is over."""
        dice = random.Random(SEED + number)
        while time.monotonic() < self.ends_at:
            ended = self.ended
            outcome = await self._ask(dice, leaves=number % 4 == 0)
            self.outcomes[outcome] += 1
            if outcome == "refused":
                await ended.wait()
            else:
                self.ended.set()
                self.ended = asyncio.Event()

    async def doctor(self) -> None:
        """Ask for the server's health all the time."""
        timeout = aiohttp.ClientTimeout(total=HEALTH_WITHIN_S)
        while time.monotonic() < self.ends_at:
            asked = time.monotonic()
            async with self.session.get(f"{self.server.url}/health", timeout=timeout) as reply:
                assert reply.status == 200
            self.health_s.append(time.monotonic() - asked)
            await asyncio.sleep(0.02)
        self.ended.set()

    async def _ask(self, dice: random.Random, *, leaves: bool) -> str:
        body = _question(dice, stream=leaves or dice.random() < 0.5)
        url = f"{self.server.url}/v1/chat/completions"
        async with self.session.post(url, json=body) as reply:
            if reply.status == 503:
                return await _refusal(reply)
            assert reply.status == 200, await reply.text()
            if leaves:
                await reply.content.readany()
                reply.close()
                return "left"
            text = await reply.text()
        assert text.endswith("data: [DONE]\n\n") if body["stream"] else '"finish_reason"' in text
        return "answered"


async def _refusal(reply: aiohttp.ClientResponse) -> str:
    """Refused as clients expect it: with a reason and a time."""
    assert int(reply.headers["retry-after"]) >= 1
    assert (await reply.json())["error"]["code"] in {"queue_full", "queue_timeout"}
    return "refused"


def _question(dice: random.Random, *, stream: bool) -> dict[str, Any]:
    """Short and long ones, some with a common beginning, some with several answers."""
    text = "Tell me about " + dice.choice(["bread", "the sea", "rain", "owls " * 150])
    system = [{"role": "system", "content": "You are brief. " * 8}] * (dice.random() < 0.5)
    shape: dict[str, Any] = dice.choice(
        [{}, {"n": 2}, {"dry_multiplier": 0.8}, {"response_format": {"type": "json_object"}}]
    )
    return {
        "model": MODEL,
        "messages": [*system, {"role": "user", "content": text}],
        "max_tokens": dice.randint(1, 24),
        "stream": stream,
        **shape,
    }


def _pids(server: Server) -> tuple[int, ...]:
    return (server.process.pid, *children(server.process.pid))


def _held(server: Server) -> int:
    return sum(map(resident_bytes, _pids(server)))


async def _soak(server: Server, seconds: float) -> Crowd:
    timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        crowd = Crowd(server, session, time.monotonic() + seconds)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(crowd.doctor())
            for number in range(N_CLIENTS):
                tasks.create_task(crowd.client(number))
    return crowd


def _metric(server: Server, name: str) -> float:
    found = server.metric(f'{name}{{model="{MODEL}"}}')
    assert found is not None
    return found


def test_overload_leaves_the_server_as_it_was(server: Server) -> None:
    """It answers whom it lets in, and everybody who asks for its health; then all is free."""
    pids = _pids(server)
    crowds = [asyncio.run(_soak(server, SOAK_S / 3))]
    held = _held(server)
    crowds.append(asyncio.run(_soak(server, SOAK_S * 2 / 3)))
    grown = _held(server) - held

    outcomes = sum((crowd.outcomes for crowd in crowds), Counter[str]())
    health_s = [second for crowd in crowds for second in crowd.health_s]
    print(dict(outcomes), f"grown by {grown / 2**20:.0f} MB")  # noqa: T201 — shown with -rP
    print(f"health {len(health_s)} times, slowest {max(health_s):.3f} s")  # noqa: T201 — shown with -rP
    assert min(outcomes["answered"], outcomes["refused"]) > 0
    assert min(len(crowd.health_s) for crowd in crowds) > 1
    assert statistics.median(health_s) < ALIVE_WITHIN_S
    assert grown < MAX_GROWTH_BYTES

    while _metric(server, "llamacpp:requests_processing"):
        pass
    assert _metric(server, "llamacpp:requests_deferred") == 0
    assert server.metric("guardtune_in_flight") == 0
    assert _metric(server, "guardtune_engine_restarts_total") == 0
    assert server.metric("guardtune_internal_errors_total") == 0
    assert _pids(server) == pids

    every_slot = server.chat("Say hi.", model=MODEL, n=N_SLOTS, max_tokens=2)
    assert len(every_slot.json["choices"]) == N_SLOTS
    every_cell = server.chat("owl " * 470, model=MODEL, max_tokens=N_CTX_TOKENS)
    assert every_cell.status == 200
    log = server.log.read_text(encoding="utf-8")
    assert "Traceback" not in log
    assert " ERROR " not in log
