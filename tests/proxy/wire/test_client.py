"""The client's side: its body, and what happens when it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from starlette.types import Message

from proxy.wire.client import LEAVING, CancelOnLeave, ClientGoneError, leaving_of, read_body


class _Client:
    """A client that leaves when told to."""

    def __init__(self, *messages: Message) -> None:
        self.messages = list(messages)
        self.leaves = asyncio.Event()

    async def receive(self) -> Message:
        if self.messages:
            return self.messages.pop(0)
        await self.leaves.wait()
        return {"type": "http.disconnect"}


def _piece(body: bytes, *, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def test_body_is_joined_from_its_pieces() -> None:
    """Servers hand a body over as it arrives."""

    async def run() -> bytes:
        return await read_body(_Client(_piece(b"ab", more=True), _piece(b"c", more=False)).receive)

    assert asyncio.run(run()) == b"abc"


def test_client_that_leaves_within_its_body_is_gone() -> None:
    """Half a body is not answered."""

    async def run() -> None:
        await read_body(_Client(_piece(b"ab", more=True), {"type": "http.disconnect"}).receive)

    with pytest.raises(ClientGoneError):
        asyncio.run(run())


def test_leaving_cancels_the_block_and_runs_its_clean_up() -> None:
    """What runs for a client that left is stopped where it waits."""
    events: list[str] = []

    async def work(client: _Client) -> None:
        with CancelOnLeave(client.receive) as watch:
            assert not watch.has_left()
            try:
                await asyncio.Event().wait()
            finally:
                assert watch.has_left()
                await asyncio.sleep(0)
                events.append("cleaned up")

    async def run() -> int:
        client, task = _Client(), asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().call_soon(client.leaves.set)
        with pytest.raises(ClientGoneError):
            await work(client)
        return task.cancelling()

    assert asyncio.run(run()) == 0
    assert events == ["cleaned up"]


def test_block_that_ends_first_is_left_alone() -> None:
    """A disconnect after the answer is no disconnect."""

    async def run() -> str:
        client = _Client()
        with CancelOnLeave(client.receive) as watch:
            watch.disarm()
            client.leaves.set()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        return "answered"

    assert asyncio.run(run()) == "answered"


def test_cancellation_from_elsewhere_stays_a_cancellation() -> None:
    """A server that shuts down cancels too, and must not be told that the client left."""

    async def run() -> None:
        client, entered = _Client(), asyncio.Event()

        async def work() -> None:
            with CancelOnLeave(client.receive) as watch:
                entered.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    assert not watch.has_left()

        async with asyncio.TaskGroup() as group:
            task = group.create_task(work())
            await entered.wait()
            task.cancel()
        assert task.cancelled()

    asyncio.run(run())


def test_errors_of_the_block_pass_through() -> None:
    """Only cancellation is translated."""

    async def run() -> None:
        with CancelOnLeave(_Client().receive):
            raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        asyncio.run(run())


class _Server:
    """A server that tells of its own accord."""

    is_whole = True

    def __init__(self) -> None:
        self.callback: Callable[[], object] | None = None

    def when_left(self, callback: Callable[[], object] | None) -> None:
        """Keep whom to tell."""
        self.callback = callback


async def _never() -> Message:
    raise AssertionError("nobody asks a server that tells of its own accord")


def test_a_server_that_tells_of_leaving_is_believed_and_not_asked() -> None:
    """No timer and no task."""

    async def run() -> None:
        server = _Server()
        leaving = leaving_of({"extensions": {LEAVING: server}})

        async def work() -> None:
            with CancelOnLeave(_never, leaving):
                assert server.callback is not None
                asyncio.get_running_loop().call_soon(server.callback)
                await asyncio.Event().wait()

        with pytest.raises(ClientGoneError):
            await work()
        assert server.callback is None

    asyncio.run(run())


def test_a_disarmed_watch_is_called_off_at_the_server() -> None:
    """Before the last message."""

    async def run() -> None:
        server = _Server()
        with CancelOnLeave(_never, server) as watch:
            watch.disarm()
            assert server.callback is None

    asyncio.run(run())
    assert leaving_of({}) is None
