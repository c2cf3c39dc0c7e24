"""Clients that leave, dawdle, lie or attack, in front of the whole proxy on a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from proxy.backends.routes import COMPLETIONS_PATH as COMPLETIONS
from proxy.backends.routes import RESPONSES_PATH as RESPONSES
from proxy.tasks import spawn
from tests.integration.test_upstream_faults import DONE, WHOLE, answering, frame, streaming
from tests.loopback import Connection, Received
from tests.rig import ASK, CHAT, Rig, parsed, request_bytes, run

ANSWER = json.dumps(
    {"choices": [{"index": 0, "message": {"content": "Good day."}, "finish_reason": "stop"}]}
).encode()
BODY = json.dumps(ASK).encode()
STREAM = json.dumps({**ASK, "stream": True}).encode()

TEMPERATE = "decoding: {temperature: 0.5}\n"
LIMITED = """\
system_prompt: {text: Be careful.}
demonstrations: [{user: u, assistant: a}]
decoding:
  temperature: {max: 1}
  max_tokens: {max: 8}
  top_k: {min: 1, max: 40}
  typical_p: {min: 0.5}
  seed: {default: 1}
"""

LET_GO_WITHIN_S = 0.1
"""What is promised of an upstream whose client has left."""


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until something holds; the rig gives up after a while."""
    while not condition():  # noqa: ASYNC110 - what it waits for sends no event
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_client_that_leaves_before_the_headers_ends_the_upstreams_work(
    tmp_path: Path, *, stream: bool
) -> None:
    """Within a tenth of a second, streaming or not: the quickest of five, on a busy machine."""
    asked, gone = asyncio.Event(), asyncio.Event()

    async def slow(_: Received, connection: Connection) -> None:
        asked.set()
        await connection.until_gone()
        gone.set()

    async def leave(rig: Rig) -> float:
        asked.clear()
        gone.clear()
        _, writer = await rig.connect()
        writer.write(request_bytes("POST", CHAT, STREAM if stream else BODY, {}))
        await asked.wait()
        loop = asyncio.get_running_loop()
        left_at = loop.time()
        writer.close()
        await gone.wait()
        return loop.time() - left_at

    async def act(rig: Rig) -> None:
        assert min([await leave(rig) for _ in range(5)]) < LET_GO_WITHIN_S
        await until(lambda: rig.proxy.service.parts.admission.in_flight == 0)
        assert await rig.requests(499, stream=stream) == 5
        assert await rig.failures("closed") == 0

    run(act, tmp_path, slow)


def test_client_that_leaves_midway_ends_the_upstreams_work(tmp_path: Path) -> None:
    """What it had read counts as unjudged."""
    gone = asyncio.Event()

    async def endless(_: Received, connection: Connection) -> None:
        await connection.start_stream()
        await connection.chunk(frame("Good "))
        await connection.until_gone()
        gone.set()

    async def act(rig: Rig) -> None:
        reader, writer = await rig.connect()
        writer.write(request_bytes("POST", CHAT, STREAM, {}))
        await reader.readuntil(b"Good ")
        writer.close()
        await gone.wait()
        await until(lambda: rig.proxy.service.parts.admission.in_flight == 0)
        assert await rig.requests(499, stream=True) == 1
        assert await rig.unjudged() == 1

    run(act, tmp_path, endless)


def test_client_that_leaves_after_the_last_byte_has_its_answer_judged(tmp_path: Path) -> None:
    """It is an answer like any other."""

    async def act(rig: Rig) -> None:
        reader, writer = await rig.connect()
        writer.write(request_bytes("POST", CHAT, STREAM, {}))
        await reader.readuntil(DONE)
        writer.transport.abort()
        await until(lambda: rig.proxy.service.parts.admission.in_flight == 0)
        assert await rig.requests(200, stream=True) == 1
        assert await rig.unjudged() == 0
        assert len(rig.judge.seen) == 1

    run(act, tmp_path, streaming(WHOLE))


def test_client_that_leaves_within_its_body_costs_nothing(tmp_path: Path) -> None:
    """No upstream is asked half a question."""

    async def act(rig: Rig) -> None:
        _, writer = await rig.connect()
        writer.write(request_bytes("POST", CHAT, BODY, {})[:-10])
        await writer.drain()
        writer.close()
        assert (await rig.chat()).status == 200

    assert len(run(act, tmp_path, answering(ANSWER)).requests) == 1


def test_slow_reader_holds_back_its_upstream_and_nobody_else(tmp_path: Path) -> None:
    """What is sent and not read yet stays bounded; in the end all of it has arrived."""
    n_frames, big = 400, frame("x" * 2**16)
    sent = 0

    async def torrent(request: Received, connection: Connection) -> None:
        nonlocal sent
        if not request.json.get("stream"):
            await connection.respond(ANSWER)
            return
        await connection.start_stream()
        for _ in range(n_frames):
            await connection.chunk(big)
            sent += len(big)
        await connection.chunk(frame("", "stop"))
        await connection.chunk(b"")

    async def act(rig: Rig) -> None:
        reader, writer = await rig.connect()
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(request_bytes("POST", CHAT, STREAM, {}))
        before = -1
        while sent != before:
            before = sent
            for _ in range(20):
                assert (await rig.chat()).status == 200
        assert 0 < sent < n_frames * len(big) / 2
        reader._transport.resume_reading()  # type: ignore[attr-defined]
        reply = parsed(await reader.read())
        assert reply.is_whole
        assert reply.body == big * n_frames + frame("", "stop")
        writer.close()

    run(act, tmp_path, torrent)


@pytest.mark.parametrize(
    "headers",
    [
        {"transfer-encoding": "chunked"},
        {"transfer-encoding": "chunked", "content-length": "5, 6"},
        {"content-length": "-1"},
        {"content-length": "+5"},
        {"content-length": "0x5"},
        {"transfer-encoding": "xchunked"},
        {"transfer-encoding": "\x0bchunked"},
        {"transfer-encoding ": "chunked"},
        {"x": "a\ntransfer-encoding: chunked"},
        {"x": "a\rtransfer-encoding: chunked"},
        {"transfer-encoding": "chunked, identity"},
        {"x-a b": "name with a space"},
        {"x\x01": "control"},
        {"x": "a\r\n folded"},
        {"x": "a\x00b"},
    ],
    ids=str,
)
def test_request_with_two_readings_reaches_no_upstream(
    tmp_path: Path, headers: dict[str, str]
) -> None:
    """Nor does what it hides: at most one answer comes, and then the connection ends."""
    hidden = request_bytes("POST", CHAT, BODY, {})

    async def act(rig: Rig) -> None:
        data = request_bytes("POST", CHAT, b"0\r\n\r\n" + hidden, headers)
        reply = await rig.raw(data)
        assert reply.status in {0, 400, 501}
        assert reply.body.count(b"HTTP/1.1") == 0
        assert (await rig.chat()).status == 200

    assert len(run(act, tmp_path, answering(ANSWER)).requests) == 1


SIZE = b"%x" % len(BODY)


@pytest.mark.parametrize(
    "before",
    [
        b"0x" + SIZE + b"\r\n", b"+" + SIZE + b"\r\n", b"-1\r\n", SIZE + b"\n",
        SIZE + b" \r\n", SIZE + b";a\nb\r\n", SIZE + b"\r", b"f" * 17 + b"\r\n", b"\r\n",
    ],
)  # fmt: skip
def test_chunk_with_two_readings_reaches_no_upstream(tmp_path: Path, before: bytes) -> None:
    """Servers that take one of these have read requests where others read a body."""
    head = request_bytes("POST", CHAT, b"", {"transfer-encoding": "chunked"})
    head = head.replace(b"content-length: 0\r\n", b"")

    async def act(rig: Rig) -> None:
        reply = await rig.raw(head + before + BODY + b"\r\n0\r\n\r\n")
        assert reply.status in {0, 400}
        assert (await rig.chat()).status == 200

    assert len(run(act, tmp_path, answering(ANSWER)).requests) == 1


@pytest.mark.parametrize("end", [b"\n", b"\r"])
def test_lines_that_end_otherwise_reach_no_upstream(tmp_path: Path, end: bytes) -> None:
    """HTTP's lines end in both."""

    async def act(rig: Rig) -> None:
        data = request_bytes("POST", CHAT, BODY, {}).replace(b"\r\n", end)
        reader, writer = await rig.connect()
        writer.write(data)
        writer.write_eof()
        assert parsed(await reader.read()).status in {0, 400}
        writer.close()

    assert not run(act, tmp_path, answering(ANSWER)).requests


def test_two_lengths_reach_no_upstream(tmp_path: Path) -> None:
    """A dictionary cannot say it, a client can."""

    async def act(rig: Rig) -> None:
        line = b"content-length: %d\r\n" % len(BODY)
        data = request_bytes("POST", CHAT, BODY, {}).replace(line, line + b"content-length: 3\r\n")
        assert (await rig.raw(data)).status in {0, 400}

    assert not run(act, tmp_path, answering(ANSWER)).requests


@pytest.mark.parametrize(
    "headers",
    [
        {"x-request-id": "a\tb"},
        {"x-request-id": 'a"; event=forged'},
        {"x-request-id": "x" * 129},
        {"x-guardtune-policy": "forged@000000000000"},
        {"x-guardtune-model": "forged"},
        {"x-guardtune-priority": "0"},
        {"x-guardtune-ignored": "everything"},
        {"x-forwarded-for": "10.0.0.1", "forwarded": "for=10.0.0.1"},
        {"cookie": "a=b", "proxy-authorization": "Basic eDp5"},
    ],
    ids=str,
)
def test_clients_headers_end_here(tmp_path: Path, headers: dict[str, str]) -> None:
    """None goes upstream, none comes back, and what names the request is a sane word."""

    async def act(rig: Rig) -> None:
        reply = await rig.post(CHAT, BODY, headers)
        assert reply.headers["x-request-id"].startswith("req-")
        assert reply.headers["x-guardtune-policy"].startswith("careful@")
        assert not {"x-guardtune-model", "x-guardtune-ignored"} & set(reply.headers)

    (asked,) = run(act, tmp_path, answering(ANSWER)).requests
    assert set(asked.headers) == {
        "host", "accept", "accept-encoding", "content-type", "content-length", "user-agent",
    }  # fmt: skip


@pytest.mark.parametrize("path", ["/v1/x%0d%0aset-cookie:%20a=b", "/v1/%00", "/v1/" + "x" * 5000])
def test_odd_paths_are_404_and_one_line_of_log(
    tmp_path: Path, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing of them becomes a header or a line of its own."""
    caplog.set_level("INFO", "guardtune.access")

    async def act(rig: Rig) -> None:
        reply = await rig.post(path, BODY)
        assert reply.status == 404
        assert "set-cookie" not in reply.headers

    run(act, tmp_path, answering(ANSWER))
    (line,) = [text for text in caplog.messages if "status=404" in text]
    assert "\n" not in line
    assert "\r" not in line


@pytest.mark.parametrize("is_announced", [True, False], ids=["announced", "chunked"])
def test_body_over_the_limit_is_413(tmp_path: Path, *, is_announced: bool) -> None:
    """Before it is held in memory."""
    n_bytes = 64 * 2**20

    async def act(rig: Rig) -> None:
        reader, writer = await rig.connect()
        if is_announced:
            writer.write(request_bytes("POST", CHAT, b"", {"content-length": str(n_bytes)}))
        else:
            head = {"transfer-encoding": "chunked"}
            data = request_bytes("POST", CHAT, b"", head).replace(b"content-length: 0\r\n", b"")
            writer.write(data + b"%x\r\n" % n_bytes + b"x" * 2**20)
        head_ = await reader.readuntil(b"\r\n")
        assert b" 413 " in head_
        writer.transport.abort()

    assert not run(act, tmp_path, answering(ANSWER), limits={"max_body_bytes": 2**19}).requests


@pytest.mark.parametrize("is_silent", [True, False], ids=["silent", "a byte at a time"])
@pytest.mark.parametrize("route", [CHAT, "/policies/validate"])
def test_body_that_trickles_in_is_408(tmp_path: Path, route: str, *, is_silent: bool) -> None:
    """Counted, its connection is closed, and it held nobody up."""
    endless = {"content-length": "100000", "connection": "keep-alive"}

    async def act(rig: Rig) -> None:
        reader, writer = await rig.connect()
        writer.write(request_bytes("POST", route, BODY[:5], endless))
        told = spawn(reader.read(), name="told")
        while not (is_silent or told.done()):
            assert (await rig.chat()).status == 200
            writer.write(b" ")
        reply = parsed(await told)
        assert (reply.status, reply.json["error"]["code"]) == (408, "request_timeout")
        writer.close()
        counted = (
            'guardtune_requests_total{code="408",model="unknown",policy="none",stream="false"}'
        )
        assert await rig.metric(counted) == (route == CHAT)
        assert (await rig.chat()).status == 200

    server = run(act, tmp_path, answering(ANSWER), limits={"body_timeout_s": 0.1})
    assert all(asked.json == ASK for asked in server.requests)


@pytest.mark.parametrize(
    "value",
    ["1" * 5000, "1e999", "-1e999", "1e-999", "[" * 50_000, '{"a":' * 50_000, "NaN", "Infinity",
     '"\\ud800"', '"\\u0000"', "0x10", "1.", "01"],
    ids=lambda value: str(value)[:12],
)  # fmt: skip
@pytest.mark.parametrize("policy", ["", TEMPERATE], ids=["raw", "encoded"])
def test_odd_json_is_answered_or_refused_and_never_a_bug(
    tmp_path: Path, value: str, policy: str
) -> None:
    """Whether its bytes pass or it is encoded again."""
    body = BODY[:-1] + b', "metadata": ' + value.encode() + b"}"

    async def act(rig: Rig) -> None:
        assert (await rig.post(CHAT, body)).status in {200, 400}
        assert await rig.metric("guardtune_internal_errors_total") == 0
        assert (await rig.chat()).status == 200

    run(act, tmp_path, answering(ANSWER), policy=policy)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, '"messages": [{"role": "user", "content": "x", "type": %s}]'),
        (CHAT, '"messages": [{"role": "assistant", "content": "x", "tool_calls": %s}]'),
        (CHAT, '"messages": [{"role": "system", "content": [{"type": %s, "text": %s}]}]'),
        (CHAT, '"messages": [{"role": %s, "content": %s}]'),
        (CHAT, '"messages": %s'),
        (CHAT, f'"messages": {json.dumps(ASK["messages"])}, "max_tokens": %s, "n": %s'),
        (CHAT, f'"messages": {json.dumps(ASK["messages"])}, "n_predict": %s, "seed": %s'),
        (CHAT, f'"messages": {json.dumps(ASK["messages"])}, "top_k": %s, "typical_p": %s'),
        (CHAT, f'"messages": {json.dumps(ASK["messages"])}, "temperature": %s, "user": %s'),
        (RESPONSES, '"input": [{"role": %s, "content": "x"}]'),
        (RESPONSES, '"input": [{"role": "user", "content": "x", "type": %s}]'),
        (RESPONSES, '"input": [{"role": "system", "content": [%s]}, {"role": "user"}]'),
        (RESPONSES, '"input": [{"role": "system", "content": [{"type": %s, "text": %s}]}]'),
        (RESPONSES, '"input": [{"role": "user", "content": [%s]}, %s]'),
        (RESPONSES, '"input": %s, "instructions": %s'),
        (RESPONSES, '"input": "hi", "max_output_tokens": %s, "max_tokens": %s, "n": %s'),
        (COMPLETIONS, '"prompt": %s'),
        (COMPLETIONS, '"prompt": [%s, %s]'),
        (COMPLETIONS, '"prompt": "hi", "max_tokens": %s, "top_k": %s, "n": %s'),
    ],
)
@pytest.mark.parametrize("flavour", ["openai", "llama_server"])
def test_odd_json_where_a_policy_looks_is_answered_or_refused_and_never_a_bug(
    tmp_path: Path, path: str, body: str, flavour: str
) -> None:
    """In messages, in their parts, and for settings that it limits."""
    odd = ("[]", "{}", "null", "true", "0", "0.5", "9" * 400, "-" + "9" * 400, '"x"', '["x"]',
           '{"text": []}', '[{"type": []}]')  # fmt: skip

    async def act(rig: Rig) -> None:
        for value in odd:
            told = '{"model": "m", ' + body.replace("%s", value) + "}"
            reply = await rig.post(path, told.encode())
            assert reply.status in {200, 400}, told[:200]
        assert await rig.metric("guardtune_internal_errors_total") == 0
        assert (await rig.chat()).status == 200

    run(act, tmp_path, answering(ANSWER), policy=LIMITED, model={"flavour": flavour})


@pytest.mark.parametrize("value", ["1" * 5000, "1e999", "NaN", '"0.5"', "true", "[0.5]", "{}"])
def test_odd_number_for_an_enforced_setting_does_not_pass(tmp_path: Path, value: str) -> None:
    """It is refused, or the policy's own goes upstream."""
    body = BODY[:-1] + b', "temperature": ' + value.encode() + b"}"

    async def act(rig: Rig) -> None:
        await rig.post(CHAT, body)

    server = run(act, tmp_path, answering(ANSWER), policy=TEMPERATE)
    assert [asked.json["temperature"] for asked in server.requests] in ([], [0.5])


@pytest.mark.parametrize(("policy", "temperature"), [("", 2), (TEMPERATE, 0.5)])
def test_duplicate_keys_cannot_say_two_things(
    tmp_path: Path, policy: str, temperature: float
) -> None:
    """The last one counts, and only that one goes on, whichever an upstream would have taken."""
    body = (
        b'{"model": "dearer", "messages": [], "temperature": 1, '
        + BODY[1:-1]
        + b', "temperature": 2, "user": "a", "user": "b"}'
    )

    async def act(rig: Rig) -> None:
        assert (await rig.post(CHAT, body)).status == 200

    (asked,) = run(act, tmp_path, answering(ANSWER), policy=policy).requests
    for name in (b"model", b"messages", b"temperature", b"user"):
        assert asked.body.count(b'"%b":' % name) == 1
    assert asked.json == {**ASK, "temperature": temperature, "user": "b"}


def test_messages_in_other_letters_are_refused(tmp_path: Path) -> None:
    """Some servers would take them for the messages, without the policy's prompt."""
    body = BODY[:-1] + b', "Messages": [{"role": "user", "content": "unguarded"}]}'

    async def act(rig: Rig) -> None:
        reply = await rig.post(CHAT, body)
        assert (reply.status, reply.json["error"]["param"]) == (400, "messages")

    assert not run(act, tmp_path, answering(ANSWER)).requests
