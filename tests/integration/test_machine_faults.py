"""The machine under the proxy misbehaves: its files, its clock, its disk, its operator."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from tests.edge import write_policy
from tests.integration.server import Server, serving
from tests.integration.test_client_faults import ANSWER, until
from tests.integration.test_upstream_faults import DONE, WHOLE, answering, streaming
from tests.loopback import Connection, Received, loopback
from tests.processes import resident_bytes
from tests.rig import ASK, CHAT, Rig, parsed, request_bytes, run

N_REWRITES = 1000
N_CLIENTS = 8


def version(number: int) -> str:
    """A policy whose parts all say which version it is."""
    return f"system_prompt: {{text: v{number}}}\ndecoding: {{max_tokens: {number}}}\n"


def rewrite(folder: Path, number: int) -> None:
    """Write the next version, each time in another way that editors and deployments have."""
    path = folder / "careful.yaml"
    match number % 5:
        case 0:  # half of it first
            path.write_text("schema: 1\nname: care", encoding="utf-8")
            write_policy(folder, "careful", version(number))
        case 1:  # deleted, then there again
            path.unlink()
            write_policy(folder, "careful", version(number))
        case 2:  # written beside, renamed into place
            beside = write_policy(folder.parent / "beside", "careful", version(number))
            beside.rename(path)
        case 3:  # broken, then mended
            write_policy(folder, "careful", "decoding: {temperature: very}\n")
            write_policy(folder, "careful", version(number))
        case _:  # the whole folder swapped
            new = folder.parent / "new"
            write_policy(new, "careful", version(number))
            old = folder.parent / "old"
            folder.rename(old)
            new.rename(folder)
            shutil.rmtree(old)


def test_policies_that_change_under_load_never_mix_and_never_leave_a_gap(tmp_path: Path) -> None:
    """Each request is answered under one whole version, and none passes unguarded."""
    folder = tmp_path / "policies"
    stop = asyncio.Event()
    seen: set[int] = set()

    async def consistent(request: Received, connection: Connection) -> None:
        prompt, limit = request.json["messages"][0]["content"], request.json["max_tokens"]
        seen.add(limit)
        await connection.respond(ANSWER, status=200 if prompt == f"v{limit}" else 500)

    async def client(rig: Rig) -> int:
        for count in itertools.count():
            if stop.is_set():
                return count
            reply = await rig.chat()
            assert reply.status == 200
            assert reply.headers["x-guardtune-policy"].startswith("careful@")
        raise AssertionError

    async def act(rig: Rig) -> None:
        store = rig.proxy.service.parts.policies.store
        async with asyncio.TaskGroup() as clients:
            tasks = [clients.create_task(client(rig)) for _ in range(N_CLIENTS)]
            for number in range(1, N_REWRITES + 1):
                await asyncio.to_thread(rewrite, folder, number)
                store.reload()
            await until(lambda: N_REWRITES in seen)
            stop.set()
        print(f"{sum(task.result() for task in tasks)} answers, {len(seen)} versions")  # noqa: T201 — shown with -rP
        assert await rig.metric(f'guardtune_unguarded_total{{route="{CHAT}"}}') == 0
        assert await rig.metric("guardtune_internal_errors_total") == 0

    run(act, folder, consistent, policy=version(N_REWRITES + 1))
    assert len(seen) > N_REWRITES / 10


@pytest.mark.parametrize("jump_s", [86_400 * 365, -86_400 * 365], ids=["forward", "back"])
def test_jump_of_the_clock_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump_s: float
) -> None:
    """Waiting, reloading and measuring go by another clock than the wall's."""
    wall = time.time

    async def act(rig: Rig) -> None:
        before = await rig.chat()
        monkeypatch.setattr(time, "time", lambda: wall() + jump_s)
        assert (await rig.chat()).status == 200
        write_policy(tmp_path, "careful", "decoding: {temperature: 0.5}\n")
        while (await rig.chat()).headers["x-guardtune-policy"] == before.headers[
            "x-guardtune-policy"
        ]:
            pass
        duration = 'guardtune_request_duration_seconds_sum{model="m",policy="careful"}'
        assert 0 <= await rig.metric(duration) < 60

    run(act, tmp_path, answering(ANSWER))


CONFIG = {
    "models": [{"name": "fake", "backend": "scripted"}],
    "judging": {"judge": "scripted"},
    "probing": {"enabled": False},
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server in a process of its own."""
    write_policy(tmp_path / "policies", "careful", "decoding: {temperature: 0.5}\n")
    config = {**CONFIG, "policies": str(tmp_path / "policies")}
    with serving(tmp_path, config) as running:
        yield running


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
def test_full_disk_under_the_log_costs_the_log_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every line fails to be written; every request is answered, and the end is a clean one."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # buffered, as it is for users
    write_policy(tmp_path / "policies", "careful", "decoding: {temperature: 0.5}\n")
    config = {**CONFIG, "policies": str(tmp_path / "policies"), "log_level": "debug"}
    with serving(tmp_path, config, log=Path("/dev/full")) as server:
        assert [server.chat("hello").status for _ in range(20)] == [200] * 20
        write_policy(tmp_path / "policies", "careful", "decoding: {temperatur: 0.5}\n")
        deadline = time.monotonic() + 30
        while not server.get("/policies").json["problems"]:
            assert time.monotonic() < deadline
        assert server.metric("guardtune_internal_errors_total") == 0
        assert server.stop() == 0


class Crowd:
    """Clients that stream answers from a server, each on one connection after the other."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.statuses: list[int] = []
        self.broken: list[bytes] = []

    async def client(self) -> None:
        """Ask until nobody listens any more."""
        host, port = self._server.url.removeprefix("http://").split(":")
        body = json.dumps({**ASK, "model": "fake", "stream": True}).encode()
        while True:
            try:
                reader, writer = await asyncio.open_connection(host, int(port))
            except OSError:
                return
            writer.write(request_bytes("POST", CHAT, body, {}))
            try:
                data = await reader.read()
            except ConnectionError:
                data = b""
            writer.close()
            if not data:
                return
            reply = parsed(data)
            self.statuses.append(reply.status)
            is_done = reply.body.endswith(b"data: [DONE]\n\n")
            if reply.status == 200 and not (reply.is_whole and is_done):
                self.broken.append(data)


def test_sigterm_under_load_breaks_no_answer(server: Server) -> None:
    """What has begun is finished, what comes later is refused with a time, and it ends with 0."""
    crowd = Crowd(server)

    async def main() -> None:
        async with asyncio.TaskGroup() as clients:
            for _ in range(N_CLIENTS):
                clients.create_task(crowd.client())
            await until(lambda: len(crowd.statuses) > 10 * N_CLIENTS)
            server.process.send_signal(signal.SIGTERM)

    asyncio.run(main())
    assert server.process.wait(30) == 0
    assert set(crowd.statuses) <= {200, 503}
    assert not crowd.broken
    log = server.log.read_text(encoding="utf-8")
    assert "Traceback" not in log


@asynccontextmanager
async def kept_alive(
    server: Server,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection for many requests."""
    host, port = server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()


async def ask(server: Server, count: int) -> None:
    """So many requests, each read to its end."""
    body = msgspec.json.encode({**ASK, "model": "fake"})
    data = request_bytes("POST", CHAT, body, {"connection": "keep-alive"})
    async with kept_alive(server) as (reader, writer):
        for _ in range(count):
            writer.write(data)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))


@pytest.mark.slow
def test_ten_thousand_requests_leave_no_memory_behind(server: Server) -> None:
    """After as many before, which fill caches."""

    async def load(count: int) -> None:
        async with asyncio.TaskGroup() as clients:
            for _ in range(N_CLIENTS):
                clients.create_task(ask(server, count // N_CLIENTS))

    asyncio.run(load(10_000))
    before = resident_bytes(server.process.pid)
    asyncio.run(load(10_000))
    assert_not_grown(server, before)


@pytest.mark.slow
def test_ten_thousand_streams_of_an_upstream_leave_no_memory_behind(tmp_path: Path) -> None:
    """Nor connections to it, under a policy that changes each request."""
    write_policy(tmp_path / "policies", "careful", version(1))
    body = msgspec.json.encode({**ASK, "model": "fake", "stream": True})
    data = request_bytes("POST", CHAT, body, {"connection": "keep-alive"})

    async def client(server: Server, count: int) -> None:
        async with kept_alive(server) as (reader, writer):
            for _ in range(count):
                writer.write(data)
                assert DONE in await reader.readuntil(b"\r\n0\r\n\r\n")

    async def load(server: Server, count: int) -> None:
        async with asyncio.TaskGroup() as clients:
            for _ in range(N_CLIENTS):
                clients.create_task(client(server, count // N_CLIENTS))

    async def main() -> None:
        async with loopback(streaming(WHOLE)) as upstream:
            model = {"name": "fake", "backend": "openai", "base_url": upstream.url}
            config = {**CONFIG, "models": [model], "policies": str(tmp_path / "policies")}
            with serving(tmp_path, config) as server:
                await load(server, 5_000)
                before = resident_bytes(server.process.pid)
                await load(server, 10_000)
                assert_not_grown(server, before)
                assert upstream.connections < 2 * N_CLIENTS

    asyncio.run(main())


def assert_not_grown(server: Server, before: int) -> None:
    """It holds about as much memory as before, and few files."""
    grown = resident_bytes(server.process.pid) - before
    print(f"grown by {grown / 2**20:.1f} MB")  # noqa: T201 — shown with -rP
    assert grown < 5 * 2**20
    assert len(list(Path(f"/proc/{server.process.pid}/fd").iterdir())) < 64
