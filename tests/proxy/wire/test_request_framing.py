"""Where requests begin and end on a connection of the server, and what bounds them."""

from __future__ import annotations

import asyncio

import pytest

from proxy.wire.server_connection import MAX_HEAD_BYTES
from tests.proxy.wire.served import CLOSE, GET, GIVE_UP_S, Served, bodies, posted, serve, until

OFFER = b"connection: upgrade, http2-settings\r\nupgrade: h2c"
CHUNKS = b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"


def test_who_offers_another_protocol_is_served_in_http() -> None:
    """As often as it likes: nothing has been switched."""
    offering = GET[:-2] + OFFER + b"\r\n\r\n"

    async def test(served: Served) -> None:
        answer = await served.all_of(offering * 2 + CLOSE)
        assert bodies(answer) == [b"GET /a ", b"GET /a ", b"GET /last "]

    serve(test)


@pytest.mark.parametrize(
    "data",
    [posted(b"abcde", OFFER), posted(CHUNKS, OFFER, framing=b"transfer-encoding: chunked")],
    ids=["with a length", "in chunks"],
)
@pytest.mark.parametrize("behind_end", [-9, -2, 0, 1], ids=str)
def test_an_offer_of_another_protocol_costs_no_body(data: bytes, behind_end: int) -> None:
    """Wherever the network cuts it: Java's client offers HTTP/2 with every request."""
    data += data + CLOSE
    cut = data.index(b"\r\n\r\n") + 4 + behind_end

    async def test(served: Served) -> None:
        reader, writer, connection = await served.connect_directly()
        connection.data_received(data[:cut])
        writer.write(data[cut:])
        assert bodies(await reader.read()) == [b"POST /a abcde"] * 2 + [b"GET /last "]
        assert [scope["path"] for scope in served.app.scopes] == ["/a", "/a", "/last"]
        writer.close()

    serve(test)


@pytest.mark.parametrize("fields", [b"connection: close, upgrade\r\nupgrade: h2c", OFFER])
def test_a_body_with_an_offer_is_held_to_its_framing(fields: bytes) -> None:
    """As it would be without one."""
    unending = posted(b"abcde", fields, framing=b"transfer-encoding: gzip")

    async def test(served: Served) -> None:
        answer = await served.all_of(unending)
        assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert answer.count(b"HTTP/1.1") == 1

    serve(test)


def test_an_offer_that_is_the_last_request_ends_the_connection() -> None:
    """As its client has asked."""
    data = posted(b"abcde", b"connection: close, upgrade", b"upgrade: h2c")

    async def test(served: Served) -> None:
        assert bodies(await served.all_of(data + GET)) == [b"POST /a abcde"]

    serve(test)


def test_behind_a_tunnel_nothing_is_read() -> None:
    """What follows would be another protocol."""
    data = b"CONNECT /a HTTP/1.1\r\nhost: x\r\n\r\n" + GET

    async def test(served: Served) -> None:
        assert bodies(await served.all_of(data)) == [b"CONNECT /a "]

    serve(test)


def test_an_old_client_need_not_name_a_host() -> None:
    """HTTP/1.0 knows none."""

    async def test(served: Served) -> None:
        assert bodies(await served.all_of(b"GET /a HTTP/1.0\r\n\r\n")) == [b"GET /a "]

    serve(test)


def test_an_old_client_is_not_told_to_go_on() -> None:
    """It would take that for its answer."""
    data = posted(b"abc", b"expect: 100-continue").replace(b"HTTP/1.1", b"HTTP/1.0", 1)

    async def test(served: Served) -> None:
        answer = await served.all_of(data)
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert bodies(answer) == [b"POST /a abc"]

    serve(test)


def test_who_is_refused_is_not_told_to_go_on(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing comes behind a refusal, and it is the client's error alone."""
    data = posted(b"zz\r\n", b"expect: 100-continue", framing=b"transfer-encoding: chunked")

    async def test(served: Served) -> None:
        answer = await served.all_of(data)
        assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert bodies(answer) == [b"Bad Request"]

    serve(test)
    assert not caplog.records


@pytest.mark.parametrize(
    ("path", "answers"),
    [(b"/a", [b"Request Header Fields Too Large"]), (b"/unread", [b"POST /unread "])],
    ids=["unanswered", "answered"],
)
@pytest.mark.parametrize(
    "endless",
    [b"0\r\nx: " + b"a" * 2**20, b"0\r\n" + b"a: b\r\n" * 2**18, b"1;" + b"a" * 2**20],
    ids=["one trailer", "many trailers", "a chunk's extension"],
)
def test_what_is_around_a_body_may_not_go_on_for_ever(
    path: bytes, answers: list[bytes], endless: bytes
) -> None:
    """It would fill the memory; who has its answer gets no second one."""
    start = posted(b"2\r\nhi\r\n", to=path, framing=b"transfer-encoding: chunked")

    async def test(served: Served) -> None:
        reader, writer = await served.connect()
        writer.write(start)
        await served.app.asked.wait()
        if path == b"/unread":
            await until(lambda: bool(served.state.total_requests))
        writer.write(endless)
        async with asyncio.timeout(GIVE_UP_S):
            assert bodies(await reader.read()) == answers
        writer.close()

    serve(test)


def test_a_small_head_behind_a_large_body_is_small() -> None:
    """Though one read brings the end of the one and the beginning of the other."""
    data = posted(b"x" * (2 * MAX_HEAD_BYTES)) + GET

    async def test(served: Served) -> None:
        reader, writer, connection = await served.connect_directly()
        connection.data_received(data[:-9])
        writer.write(data[-9:] + CLOSE)
        answered = [body[:9] for body in bodies(await reader.read())]
        assert answered == [b"POST /a x", b"GET /a ", b"GET /last"]
        writer.close()

    serve(test)
