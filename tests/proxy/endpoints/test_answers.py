"""The hot route, from bytes to bytes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from proxy.app import Proxy
from proxy.backends.config import ScriptedRule
from proxy.backends.scripted import ScriptedBackend
from tests.asgi import Headers, Reply, call
from tests.edge import assemble, running, scripted, write_policy

PATH = "/v1/chat/completions"


def _body(text: str = "hi", **fields: object) -> bytes:
    messages = [{"role": "user", "content": text}]
    return msgspec.json.encode({"model": "fake", "messages": messages, **fields})


def _post(proxy: Proxy, body: bytes, headers: Headers = ()) -> Reply:
    async def run() -> Reply:
        async with running(proxy):
            return await call(proxy.app, "POST", PATH, body=body, headers=headers)

    return asyncio.run(run())


def _value(proxy: Proxy, line: str) -> bool:
    return line in asyncio.run(call(proxy.app, path="/metrics")).body.decode()


def test_plain_answer(tmp_path: Path) -> None:
    """One JSON body, with the policy in its headers."""
    write_policy(tmp_path, "careful")
    reply = _post(assemble(tmp_path), _body())
    assert reply.status == 200
    assert reply.json["choices"][0]["message"]["content"] == "OK."
    assert reply.headers["x-guardtune-policy"].startswith("careful@")
    assert reply.is_complete


def test_streamed_answer(tmp_path: Path) -> None:
    """Frames as they come, [DONE] last."""
    reply = _post(assemble(tmp_path), _body(stream=True))
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert reply.body.endswith(b"data: [DONE]\n\n")
    assert reply.is_complete


def test_stream_that_breaks_ends_with_an_error_frame(tmp_path: Path) -> None:
    """And never with [DONE]."""
    rule = ScriptedRule(answers=("one two three",), break_after=2)
    reply = _post(assemble(tmp_path, [scripted(rule)]), _body(stream=True))
    assert b'data: {"error":{"message":' in reply.body
    assert b"[DONE]" not in reply.body


def test_failure_before_the_first_byte_has_a_status_of_its_own(tmp_path: Path) -> None:
    """Headers wait for the first chunk."""
    rule = ScriptedRule(answers=("one two three",), break_after=2)
    reply = _post(assemble(tmp_path, [scripted(rule)]), _body())
    assert (reply.status, reply.json["error"]["code"]) == (502, "upstream_closed")


def test_error_of_the_upstream_passes_through(tmp_path: Path) -> None:
    """Status and body."""
    reply = _post(assemble(tmp_path, [scripted(ScriptedRule(status=429))]), _body())
    assert reply.status == 429
    assert "status 429" in reply.json["error"]["message"]


def stuck() -> tuple[ScriptedBackend, asyncio.Event]:
    """A model that stops for ever midway through its answer, and what is set then."""
    reached = asyncio.Event()

    async def hold(index: int) -> None:
        if index == 1:
            reached.set()
            await asyncio.Event().wait()

    return scripted(ScriptedRule(answers=("one two three",)), before_delta=hold), reached


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
def test_client_that_leaves_frees_everything(tmp_path: Path, *, is_stream: bool) -> None:
    """Midway through the answer, whatever kind it is."""
    backend, reached = stuck()
    proxy = assemble(tmp_path, [backend])

    async def run() -> Reply:
        gone = asyncio.Event()
        async with running(proxy), asyncio.TaskGroup() as group:
            body = _body(stream=is_stream)
            task = group.create_task(call(proxy.app, "POST", PATH, body=body, gone=gone))
            await reached.wait()
            gone.set()
            reply = await task
            assert backend.in_flight == 0
            assert proxy.service.parts.admission.in_flight == 0
        return reply

    reply = asyncio.run(run())
    assert not reply.is_complete
    stream = "true" if is_stream else "false"
    assert _value(
        proxy,
        f'guardtune_requests_total{{code="499",model="fake",policy="passthrough",stream="{stream}"}}',
    )


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
def test_what_a_stopping_server_cuts_off_is_told_and_counted_as_such(
    tmp_path: Path, *, is_stream: bool
) -> None:
    """Not as the client's leaving: it got an error."""
    backend, reached = stuck()
    proxy = assemble(tmp_path, [backend])

    async def run() -> Reply:
        async with running(proxy), asyncio.TaskGroup() as group:
            body = _body(stream=is_stream)
            task = group.create_task(call(proxy.app, "POST", PATH, body=body))
            await reached.wait()
            task.cancel()
            return await task

    reply = asyncio.run(run())
    assert reply.status == (200 if is_stream else 503)
    assert b'"code":"draining"' in reply.body
    labels = f'model="fake",policy="passthrough",stream="{str(is_stream).lower()}"'
    assert _value(proxy, f'guardtune_requests_total{{code="503",{labels}}} 1.0')
    assert _value(proxy, 'guardtune_rejected_total{reason="draining"} 1.0')
    assert not _value(proxy, 'code="499"')


@pytest.mark.parametrize("n", [2**64 - 1, 10**400], ids=["64 bits", "400 digits"])
def test_number_of_choices_that_nobody_gives_breaks_no_counter(tmp_path: Path, n: int) -> None:
    """This answer nor the next."""
    proxy = assemble(tmp_path)
    assert _post(proxy, _body(n=n)).status == 200
    assert _post(proxy, _body()).status == 200
    assert not _value(proxy, 'reason="other_choices"')
    assert _value(proxy, "guardtune_internal_errors_total 0.0")


def test_undecodable_body_is_counted_without_a_model(tmp_path: Path) -> None:
    """What a client typed never becomes a label."""
    proxy = assemble(tmp_path)
    assert _post(proxy, b"{").status == 400
    assert _value(proxy, 'code="400",model="unknown",policy="none",stream="false"} 1.0')


def test_body_over_the_limit_is_413(tmp_path: Path) -> None:
    """In OpenAI's form."""
    proxy = assemble(tmp_path, limits={"max_body_bytes": 1024})
    reply = _post(proxy, _body("x" * 2000))
    assert (reply.status, reply.json["error"]["code"]) == (413, "request_too_large")


def test_conversation_and_ids_reach_the_backend(tmp_path: Path) -> None:
    """Rollouts stick to the conversation, logs to the request id."""
    backend = scripted()
    headers = [("x-guardtune-conversation", "c" * 1000), ("x-request-id", "r1")]
    _post(assemble(tmp_path, [backend]), _body(), headers)
    (request,) = backend.requests
    assert request.conversation == "c" * 256
    assert request.request_id == "r1"


def test_hundreds_of_brackets_are_no_bug(tmp_path: Path) -> None:
    """Deep enough to trouble whatever encodes again, too shallow for the decoder to refuse."""
    write_policy(tmp_path, "careful", "decoding: {temperature: 0.5}\n")
    body = _body()[:-1] + b',"metadata":' + b"[" * 400 + b"]" * 400 + b"}"
    assert _post(assemble(tmp_path), body).status in {200, 400}
