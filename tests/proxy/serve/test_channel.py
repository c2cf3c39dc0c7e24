"""Messages over a socket pair."""

from __future__ import annotations

import asyncio
import socket

import pytest

from proxy.serve.channel import encode, open_channel, receive_first

LONG = "x" * 2_000_000


def test_messages_arrive_whole_and_in_order() -> None:
    """Also one that fits into no buffer."""

    async def act() -> None:
        one, two = socket.socketpair()
        sender, receiver = await open_channel(one), await open_channel(two)
        for message in ("first", LONG, {"a": (1, 2)}):
            sender.send(message)
        assert sender.is_clogged
        assert await receiver.receive() == "first"
        assert await receiver.receive() == LONG
        assert await receiver.receive() == {"a": (1, 2)}
        assert not sender.is_clogged
        await sender.close()
        assert await receiver.receive() is None
        await receiver.close()

    asyncio.run(act())


def test_what_was_torn_off_is_dropped() -> None:
    """A process that is killed may be in the middle of a message."""

    async def act() -> None:
        one, two = socket.socketpair()
        receiver = await open_channel(two)
        with one:
            one.sendall(encode("whole") + encode("torn")[:-1])
        assert await receiver.receive() == "whole"
        assert await receiver.receive() is None
        await receiver.close()

    asyncio.run(act())


def test_sending_to_an_end_that_is_gone_does_no_harm() -> None:
    """Its death is told by `receive`."""

    async def act() -> None:
        one, two = socket.socketpair()
        channel = await open_channel(one)
        two.close()
        for _ in range(3):
            channel.send("hello")
            assert await channel.receive() is None
        await channel.close()

    asyncio.run(act())


def test_first_message_is_read_without_an_event_loop_and_not_a_byte_more() -> None:
    """What follows is the event loop's."""

    async def rest(end: socket.socket) -> str:
        channel = await open_channel(end)
        message: str = await channel.receive()
        await channel.close()
        return message

    one, two = socket.socketpair()
    with one:
        one.sendall(encode("orders") + encode("more"))
        assert receive_first(two) == "orders"
        assert asyncio.run(rest(two)) == "more"


def test_parent_that_is_gone_before_the_first_message_is_an_error() -> None:
    """There is nothing to do."""
    one, two = socket.socketpair()
    one.close()
    with two, pytest.raises(ConnectionError):
        receive_first(two)


def test_aborted_end_does_not_wait_for_the_other() -> None:
    """What was not sent is lost."""

    async def act() -> None:
        one, two = socket.socketpair()
        sender, receiver = await open_channel(one), await open_channel(two)
        sender.send(LONG)
        sender.abort()
        assert await receiver.receive() is None
        await receiver.close()

    asyncio.run(act())
