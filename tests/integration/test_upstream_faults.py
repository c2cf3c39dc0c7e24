"""What an upstream can do wrong: what the client sees, what is counted, and that all is free."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path

import openai
import pytest

from tests.loopback import Connection, Handler, Received
from tests.rig import Rig, run

IMPATIENT = {"timeouts": {"connect_s": 0.5, "first_byte_s": 0.1, "idle_s": 0.1}}
ONCE = {"retries": {"max_retries": 0}}
DONE = b"data: [DONE]\n\n"


@pytest.fixture(params=["lean", "aiohttp"], autouse=True)
def _client(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fault comes through both upstream clients."""
    monkeypatch.setattr("tests.rig.CLIENT", request.param)


def frame(text: str, finish_reason: str | None = None) -> bytes:
    """One chunk of a chat completion."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish_reason}
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "u"}
    return b"data: " + json.dumps({**head, "choices": [choice]}).encode() + b"\n\n"


WHOLE = frame("Good ") + frame("day.") + frame("", "stop") + DONE


def streaming(*pieces: bytes, headers: bytes = b"content-type: text/event-stream") -> Handler:
    """A stream of these pieces, an HTTP chunk each."""

    async def handler(_: Received, connection: Connection) -> None:
        await connection.start_stream(headers)
        for piece in (*pieces, b""):
            await connection.chunk(piece)

    return handler


def answering(body: bytes, status: int = 200, headers: bytes = b"") -> Handler:
    """One whole answer."""

    async def handler(_: Received, connection: Connection) -> None:
        await connection.respond(
            body, status=status, headers=headers or b"content-type: application/json"
        )

    return handler


def test_refused_connection_is_a_502(tmp_path: Path) -> None:
    """Counted, and nothing to judge."""

    async def act(rig: Rig) -> None:
        reply = await rig.chat(stream=True)
        assert (reply.status, reply.json["error"]["code"]) == (502, "upstream_connect")
        assert await rig.failures("connect") == 1
        assert await rig.requests(502, stream=True) == 1
        assert await rig.unjudged() == 0

    run(act, tmp_path, answering(b""), model={"base_url": "http://127.0.0.1:9/v1", **ONCE})


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_silence_before_the_headers_is_a_504(tmp_path: Path, *, stream: bool) -> None:
    """And the upstream is told that nobody waits any more."""
    gone = asyncio.Event()

    async def silent(_: Received, connection: Connection) -> None:
        await connection.until_gone()
        gone.set()

    async def act(rig: Rig) -> None:
        reply = await rig.chat(stream=stream)
        assert (reply.status, reply.json["error"]["code"]) == (504, "upstream_timeout")
        assert await rig.failures("timeout") == 1
        assert await rig.requests(504, stream=stream) == 1
        await gone.wait()

    assert len(run(act, tmp_path, silent, model=IMPATIENT).requests) == 1


@pytest.mark.parametrize("status", [400, 429, 500, 503])
@pytest.mark.parametrize("retry_after", [b"", b"\r\nretry-after: 30"], ids=["", "retry-after"])
def test_error_status_passes_unchanged(tmp_path: Path, status: int, retry_after: bytes) -> None:
    """Body, type and the time to come back."""
    body = b'{"error":  {"message": "No.", "type": "t", "param": null, "code": "c"}}'
    handler = answering(body, status, b"content-type: application/json" + retry_after)

    async def act(rig: Rig) -> None:
        reply = await rig.chat(stream=True)
        assert (reply.status, reply.body) == (status, body)
        assert reply.headers.get("retry-after") == ("30" if retry_after else None)
        assert await rig.failures(f"status_{status // 100}xx") == 1
        assert await rig.unjudged() == 0
        assert not rig.judge.seen

    assert len(run(act, tmp_path, handler).requests) == 1


def test_error_as_the_first_event_raises_in_the_client(tmp_path: Path) -> None:
    """A good status, and no answer: it passes, is counted, and is nobody's refusal."""
    error = b'data: {"error": {"message": "out of memory", "type": "server_error"}}\n\n'

    async def act(rig: Rig) -> None:
        client = await rig.openai()
        stream = await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "hi"}], stream=True
        )
        with pytest.raises(openai.APIError, match="out of memory"):
            [chunk async for chunk in stream]
        assert await rig.failures("provider") == 1
        assert await rig.unjudged() == 1

    run(act, tmp_path, streaming(error))


def test_stall_within_a_stream_ends_it_with_an_error(tmp_path: Path) -> None:
    """No [DONE], and the upstream is let go."""
    gone = asyncio.Event()

    async def stalling(_: Received, connection: Connection) -> None:
        await connection.start_stream()
        await connection.chunk(frame("Good "))
        await connection.until_gone()
        gone.set()

    async def act(rig: Rig) -> None:
        reply = await rig.chat(stream=True)
        assert reply.body.startswith(frame("Good "))
        assert _error_code(reply.body) == "upstream_timeout"
        assert DONE not in reply.body
        assert (await rig.failures("timeout"), await rig.unjudged()) == (1, 1)
        await gone.wait()

    run(act, tmp_path, stalling, model=IMPATIENT)


def test_reset_in_the_middle_of_a_frame_ends_it_with_an_error(tmp_path: Path) -> None:
    """The half frame is closed first, so that the error is one of its own."""
    half = frame("day.")[:-20]

    async def resetting(_: Received, connection: Connection) -> None:
        await connection.start_stream()
        await connection.chunk(frame("Good "))
        await connection.chunk(half)
        connection.abort()

    async def act(rig: Rig) -> None:
        reply = await rig.chat(stream=True)
        assert reply.body.startswith(frame("Good ") + half + b"\n\ndata: ")
        assert _error_code(reply.body) == "upstream_closed"
        assert (await rig.failures("closed"), await rig.unjudged()) == (1, 1)

    run(act, tmp_path, resetting)


def test_body_that_breaks_off_is_a_502(tmp_path: Path) -> None:
    """Half a JSON body is no use to anybody."""

    async def breaking(_: Received, connection: Connection) -> None:
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
        connection.abort()

    async def act(rig: Rig) -> None:
        reply = await rig.chat()
        assert (reply.status, reply.json["error"]["code"]) == (502, "upstream_closed")
        assert await rig.failures("closed") == 1

    run(act, tmp_path, breaking)


@pytest.mark.parametrize(
    "body",
    [
        WHOLE,
        WHOLE.replace(b"\n", b"\r\n"),
        b": ping\n\n" + frame("Good ") + b": ping\n\n" + frame("day.") + frame("", "stop") + DONE,
        frame("Good ") + frame("day.").replace(b', "choices"', b',\ndata: "choices"')
        + frame("", "stop") + DONE,
    ],
    ids=["as ever", "CRLF", "pings", "multi-line"],
)  # fmt: skip
def test_stream_cut_at_every_byte_passes_and_is_read(tmp_path: Path, body: bytes) -> None:
    """Whatever its dialect; the judge sees what the client sees."""

    async def act(rig: Rig) -> None:
        reply = await rig.chat(stream=True)
        assert (reply.status, reply.body, reply.is_whole) == (200, body, True)
        assert await rig.unjudged() == 0
        assert [seen.answer for seen in rig.judge.seen] == ["Good day."]

    run(act, tmp_path, streaming(*[body[at : at + 1] for at in range(len(body))]))


def test_characters_cut_in_two_are_put_together_again(tmp_path: Path) -> None:
    """In the judge's copy; the bytes pass as they came."""
    text = "naïve 日本 🙂"
    chunk = frame("@").replace(b"@", text.encode())
    body = chunk + frame("", "stop") + DONE

    async def act(rig: Rig) -> None:
        assert (await rig.chat(stream=True)).body == body
        await rig.unjudged()
        assert rig.judge.seen[0].answer == text

    run(act, tmp_path, streaming(*[body[at : at + 1] for at in range(len(body))]))


def test_frame_of_a_megabyte_passes_and_is_cut_for_the_judge(tmp_path: Path) -> None:
    """What is kept of an answer is bounded."""
    body = frame("x" * 2**20) + frame("", "stop") + DONE

    async def act(rig: Rig) -> None:
        assert (await rig.chat(stream=True)).body == body
        await rig.unjudged()
        assert len(rig.judge.seen[0].answer) == 262_144

    run(act, tmp_path, streaming(body))


def test_stream_without_done_is_whole_if_the_model_said_why_it_stopped(tmp_path: Path) -> None:
    """Some servers leave it out."""

    async def act(rig: Rig) -> None:
        assert (await rig.chat(stream=True)).body == WHOLE.removesuffix(DONE)
        assert await rig.unjudged() == 0
        assert len(rig.judge.seen) == 1

    run(act, tmp_path, streaming(WHOLE.removesuffix(DONE)))


def test_stream_that_only_stops_counts_as_broken_off(tmp_path: Path) -> None:
    """It passes as it is, and no judge takes it for an answer."""

    async def act(rig: Rig) -> None:
        assert (await rig.chat(stream=True)).body == frame("Good ")
        assert (await rig.failures("closed"), await rig.unjudged()) == (1, 1)

    run(act, tmp_path, streaming(frame("Good ")))


@pytest.mark.parametrize("size", [1, 10_000])
def test_compressed_stream_passes_compressed_and_is_read(tmp_path: Path, size: int) -> None:
    """Although nobody had asked for it."""
    body = gzip.compress(WHOLE)
    headers = b"content-type: text/event-stream\r\ncontent-encoding: gzip"
    pieces = [body[at : at + size] for at in range(0, len(body), size)]

    async def act(rig: Rig) -> None:
        reply = await rig.chat(stream=True)
        assert (reply.headers["content-encoding"], reply.body) == ("gzip", body)
        await rig.unjudged()
        assert [seen.answer for seen in rig.judge.seen] == ["Good day."]

    run(act, tmp_path, streaming(*pieces, headers=headers))


@pytest.mark.parametrize(
    "body", [b"", b"{", b"<html>", b"\xff\xfe", b'{"choices": 5}', b"[" * 9999]
)
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_answer_that_is_not_json_passes_and_is_counted(
    tmp_path: Path, body: bytes, *, stream: bool
) -> None:
    """The client can say best what to make of it; the judge gets nothing."""
    sent = b"data: " + body + b"\n\n" + DONE if stream else body
    handler = streaming(sent) if stream else answering(body)

    async def act(rig: Rig) -> None:
        reply = await rig.chat(stream=stream)
        assert (reply.status, reply.body) == (200, sent)
        assert await rig.failures("protocol") == 1
        assert not rig.judge.seen
        assert await rig.metric("guardtune_internal_errors_total") == 0

    run(act, tmp_path, handler)


def _error_code(body: bytes) -> str:
    """What the last frame of a stream says."""
    error = json.loads(body.rstrip().rpartition(b"data: ")[2])["error"]
    return str(error["code"])
