"""The proxy under other ASGI servers does what it does under its own."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from pathlib import Path

import pytest

from tests.integration.other_servers import (
    SERVERS,
    Site,
    arguments,
    chat_bytes,
    configure,
    hosted,
)
from tests.integration.test_client_faults import ANSWER
from tests.integration.test_upstream_faults import WHOLE, answering
from tests.loopback import Connection, Received
from tests.rig import parsed

ANY_SERVER = pytest.mark.parametrize(
    "server",
    [
        pytest.param(name, marks=pytest.mark.granian) if name == "granian" else name
        for name in SERVERS
    ],
)


async def until_refused(site: Site) -> None:
    """Wait until it takes no more connections."""
    while await site.is_listening():  # noqa: ASYNC110 - what it waits for sends no event
        await asyncio.sleep(0.01)


@ANY_SERVER
def test_answers_whole_and_streamed(tmp_path: Path, server: str) -> None:
    """Under the policy, for whoever has a key."""

    async def both(request: Received, connection: Connection) -> None:
        if not request.json.get("stream"):
            await connection.respond(ANSWER)
            return
        await connection.start_stream()
        for piece in (WHOLE, b""):
            await connection.chunk(piece)

    async def main() -> None:
        async with hosted(server, tmp_path, both) as site:
            whole = await site.chat(temperature=2)
            assert (whole.status, whole.body, whole.is_whole) == (200, ANSWER, True)
            assert whole.headers["x-guardtune-overridden"] == "temperature"
            stream = await site.chat(stream=True)
            assert (stream.status, stream.body, stream.is_whole) == (200, WHOLE, True)
            stranger = chat_bytes().replace(b"authorization", b"x-authorization")
            assert (await site.send(stranger)).status == 401
            assert [asked.json["temperature"] for asked in site.upstream.requests] == [0.5, 0.5]

    asyncio.run(main())


@ANY_SERVER
@pytest.mark.parametrize("is_begun", [False, True], ids=["before the headers", "midway"])
def test_client_that_leaves_ends_the_upstreams_work(
    tmp_path: Path, server: str, *, is_begun: bool
) -> None:
    """Although these servers say so only to whoever asks them."""
    asked, gone = asyncio.Event(), asyncio.Event()

    async def slow(_: Received, connection: Connection) -> None:
        if is_begun:
            await connection.start_stream()
            await connection.chunk(WHOLE[:20])
        asked.set()
        await connection.until_gone()
        gone.set()

    async def main() -> None:
        async with hosted(server, tmp_path, slow) as site:
            reader, writer = await site.connect()
            writer.write(chat_bytes(stream=True))
            await asked.wait()
            if is_begun:
                await reader.readuntil(WHOLE[:20])
            loop = asyncio.get_running_loop()
            left_at = loop.time()
            writer.close()
            await gone.wait()
            took_s = loop.time() - left_at
            print(f"{server}: the upstream was let go after {1000 * took_s:.1f} ms")  # noqa: T201 — shown with -rP
            left = 'code="499",model="m",policy="careful",stream="true"'
            while not await site.metric(f"guardtune_requests_total{{{left}}}"):
                pass
            assert await site.metric("guardtune_in_flight") == 0

    asyncio.run(main())


@ANY_SERVER
def test_body_that_trickles_in_is_408(tmp_path: Path, server: str) -> None:
    """The limit is ours, not the server's."""

    async def main() -> None:
        limits = {"body_timeout_s": 0.2}
        async with hosted(server, tmp_path, answering(ANSWER), limits=limits) as site:
            assert (await site.send(chat_bytes()[:-1])).status == 408
            assert (await site.chat()).status == 200

    asyncio.run(main())


@ANY_SERVER
def test_sigterm_lets_a_running_answer_finish(tmp_path: Path, server: str) -> None:
    """And then the server ends well."""
    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def waiting(_: Received, connection: Connection) -> None:
        asked.set()
        await may_answer.wait()
        await connection.respond(ANSWER)

    async def main() -> None:
        async with hosted(server, tmp_path, waiting) as site:
            reader, writer = await site.connect()
            writer.write(chat_bytes())
            await asked.wait()
            site.process.terminate()
            await until_refused(site)
            may_answer.set()
            reply = parsed(await reader.read())
            writer.close()
            assert (reply.status, reply.body) == (200, ANSWER)
            # Uvicorn ends by the signal itself.
            assert await site.process.wait() in {0, -signal.SIGTERM}
            assert "Traceback" not in site.log.read_text("utf-8")

    asyncio.run(main())


@ANY_SERVER
@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"keys": []}, "Add keys"),
        ({"workers": 2}, "guardtune serve"),
        ({"models": [{"name": "m", "backend": "llama_cpp", "path": "none.gguf"}]}, "none.gguf"),
    ],
    ids=["no keys", "workers", "no model"],
)
def test_server_does_not_start_with_a_mistake(
    tmp_path: Path, server: str, config: dict[str, object], said: str
) -> None:
    """It says which, and ends."""
    environ = configure(tmp_path, "http://127.0.0.1:9/v1", **config)
    ended = subprocess.run(
        arguments(server, tmp_path / "s"), env=environ, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert ended.returncode != 0
    assert said in ended.stdout + ended.stderr
