"""What the openai backend adds to the conformance suite: bytes, headers, keys, faults."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from proxy.backends.config import OpenAIConfig, TimeoutsConfig
from proxy.backends.openai import OpenAIBackend
from proxy.domain import ChatRequest, Transcript
from proxy.errors import BackendError, ModelLoadError, RequestError
from proxy.upstream.choose import AutoClient
from tests.loopback import Connection, Handler, Loopback, Received, loopback

USER = {"role": "user", "content": "Hello", "name": "ann", "x-unknown": [1]}
RAW = b'{ "model":"served",\n "messages":[{"role":"user","content":"caf\\u00e9"}], "x": 1e2 }'
ANSWER = (
    b'{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"x":1,'
    b'"finish_reason":"stop"}],"unknown":{"kept":true}}'
)
IMPATIENT = TimeoutsConfig(connect_s=0.05, first_byte_s=0.05, idle_s=0.05)

Act = Callable[[OpenAIBackend], Awaitable[None]]


def run(handler: Handler, act: Act, **config: Any) -> Loopback:
    """Run ``act`` on a backend in front of ``handler``."""

    async def main() -> Loopback:
        async with loopback(handler) as server:
            given = {"name": "served", "base_url": server.url, **config}
            backend = OpenAIBackend(
                OpenAIConfig(**given), environ={"KEY": "sk-secret", "EMPTY": " "}
            )
            await backend.start()
            try:
                await act(backend)
            finally:
                await backend.close()
        return server

    return asyncio.run(main())


async def answer(_: Received, connection: Connection) -> None:
    """Answer politely."""
    await connection.respond(ANSWER)


async def ask(
    backend: OpenAIBackend, request: ChatRequest, transcript: Transcript | None = None
) -> tuple[int, dict[bytes, bytes], bytes]:
    """Status, headers and body."""
    async with backend.chat(request, transcript or Transcript()) as reply:
        body = b"".join([chunk async for chunk in reply.chunks])
        return reply.status, dict(reply.headers), body


def asking(request: ChatRequest) -> Act:
    """Ask once."""

    async def act(backend: OpenAIBackend) -> None:
        assert (await ask(backend, request))[2] == ANSWER

    return act


def test_untouched_body_goes_upstream_byte_for_byte() -> None:
    """Spaces, escapes and number spelling included; the answer comes back the same way."""
    request = ChatRequest("served", (USER,), {"x": 100.0}, raw=RAW)
    (received,) = run(answer, asking(request)).requests
    assert received.body == RAW
    assert received.path == "/v1/chat/completions"


def test_changed_request_keeps_unknown_fields() -> None:
    """Encoded again, nothing is lost."""
    fields = {"temperature": 0.5, "cache_prompt": True, "deep": {"a": [None, 1.5]}}
    (received,) = run(answer, asking(ChatRequest("served", (USER,), fields))).requests
    assert received.json == {"model": "served", "messages": [USER], **fields}


def test_renamed_model_is_asked_for_by_its_own_name() -> None:
    """The raw body has the served name, so it cannot be used."""
    request = ChatRequest("served", (USER,), {"x": 100.0}, raw=RAW)
    (received,) = run(answer, asking(request), upstream_model="Org/Real-7B").requests
    assert received.json == {"model": "Org/Real-7B", "messages": [USER], "x": 100.0}


def test_our_key_goes_upstream_and_nothing_of_the_clients() -> None:
    """No other header than these."""
    request = ChatRequest("served", (USER,), key_id="team-a", conversation="c", request_id="r")
    (received,) = run(answer, asking(request), api_key_env="KEY").requests
    assert received.headers["authorization"] == "Bearer sk-secret"
    assert received.headers["accept-encoding"] == "identity"
    assert set(received.headers) == {
        "host", "authorization", "accept", "accept-encoding", "content-type", "content-length",
        "user-agent",
    }  # fmt: skip


def test_without_a_key_no_authorization_is_sent() -> None:
    """Local servers need none."""
    (received,) = run(answer, asking(ChatRequest("served", (USER,)))).requests
    assert "authorization" not in received.headers


def test_unusable_authorities_stop_the_start(tmp_path: Path) -> None:
    """Not the first request; the message names the file."""
    ca_file = str(tmp_path / "absent.pem")
    config = OpenAIConfig(name="served", base_url="https://127.0.0.1:1", ca_file=ca_file)
    with pytest.raises(ModelLoadError, match=r"`ca_file` .*absent\.pem cannot be used"):
        asyncio.run(OpenAIBackend(config).start())


@pytest.mark.parametrize("variable", ["ABSENT", "EMPTY"])
def test_missing_key_stops_the_start(variable: str) -> None:
    """The message names the variable and the remedy."""
    config = OpenAIConfig(name="served", base_url="http://127.0.0.1:1", api_key_env=variable)
    backend = OpenAIBackend(config, environ={"EMPTY": " "})
    with pytest.raises(ModelLoadError) as caught:
        asyncio.run(backend.start())
    assert str(caught.value) == (
        f"models: served: the environment variable {variable} holds no usable key. "
        "Set it, or remove `api_key_env` if the server needs none."
    )


def test_only_useful_headers_come_back() -> None:
    """Rate limits help clients; cookies, server names and framing do not."""

    async def handler(_: Received, connection: Connection) -> None:
        await connection.respond(
            ANSWER,
            headers=b"Content-Type: application/json\r\nX-RateLimit-Remaining-Requests: 5\r\n"
            b"Retry-After: 3\r\nSet-Cookie: a=b\r\nServer: x\r\nOpenAI-Organization: acme\r\n"
            b"X-Request-Id: theirs\r\nx-guardtune-policy: forged\r\nKeep-Alive: timeout=5",
        )

    async def act(backend: OpenAIBackend) -> None:
        _, headers, _ = await ask(backend, ChatRequest("served", (USER,)))
        assert headers == {
            b"content-type": b"application/json",
            b"x-ratelimit-remaining-requests": b"5",
            b"retry-after": b"3",
        }

    run(handler, act)


def test_server_of_our_own_is_told_more_than_others() -> None:
    """Extra headers are made for each request."""
    client = AutoClient()

    async def main() -> Loopback:
        async with loopback(answer) as server:
            backend = OpenAIBackend(
                OpenAIConfig(name="served", base_url=server.url),
                client,
                extra_headers=lambda request: ((b"x-a", request.request_id.encode()),),
            )
            await ask(backend, ChatRequest("served", (USER,), request_id="req-1"))
            await client.close()
        return server

    (received,) = asyncio.run(main()).requests
    assert received.headers["x-a"] == "req-1"


def test_missing_content_type_is_json() -> None:
    """A reply always has one."""

    async def handler(_: Received, connection: Connection) -> None:
        await connection.respond(ANSWER, headers=b"x: y")

    async def act(backend: OpenAIBackend) -> None:
        _, headers, _ = await ask(backend, ChatRequest("served", (USER,)))
        assert headers == {b"content-type": b"application/json"}

    run(handler, act)


def test_upstream_error_passes_through_as_it_is() -> None:
    """Status, ``retry-after`` and every byte of the body."""
    body = b'{"error": {"message":"slow down","type":"x"} }'

    async def handler(_: Received, connection: Connection) -> None:
        await connection.respond(
            body, status=429, headers=b"content-type: application/json\r\nretry-after: 7"
        )

    async def act(backend: OpenAIBackend) -> None:
        transcript = Transcript()
        status, headers, got = await ask(backend, ChatRequest("served", (USER,)), transcript)
        assert (status, headers[b"retry-after"], got) == (429, b"7", body)
        assert transcript.error_type == "provider"

    run(handler, act)


def test_error_that_quotes_our_key_does_not_pass_it_on() -> None:
    """OpenAI-compatible servers do that."""

    async def handler(_: Received, connection: Connection) -> None:
        await connection.respond(b'{"error":{"message":"bad key sk-secret!"}}', status=401)

    async def act(backend: OpenAIBackend) -> None:
        status, _, body = await ask(backend, ChatRequest("served", (USER,)))
        assert (status, body) == (401, b'{"error":{"message":"bad key ***!"}}')

    run(handler, act, api_key_env="KEY")


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_stream_comes_back_byte_for_byte_however_it_is_cut(size: int) -> None:
    """Comments, CRLF, unknown fields and cut characters: none of our business."""
    stream = (
        b": ping\r\n\r\n"
        b'data: {"choices":[{"index":0,"delta":{"content":"caf\xc3\xa9"}}],"timings":{"a":1}}\n\n'
        b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\r\n\r\n'
        b"data: [DONE]\n\n"
    )

    async def handler(_: Received, connection: Connection) -> None:
        await connection.start_stream()
        for start in range(0, len(stream), size):
            await connection.chunk(stream[start : start + size])
        await connection.chunk(b"")

    async def act(backend: OpenAIBackend) -> None:
        transcript = Transcript()
        request = ChatRequest("served", (USER,), {"stream": True})
        _, _, body = await ask(backend, request, transcript)
        assert body == stream
        assert transcript.text == "café"
        assert transcript.is_complete

    run(handler, act)


def test_error_frame_inside_a_stream_passes_through_and_is_noted() -> None:
    """It began with 200 and is no answer all the same."""
    frame = b'data: {"error":{"message":"out of memory"}}\n\n'

    async def handler(_: Received, connection: Connection) -> None:
        await connection.start_stream()
        await connection.chunk(frame)
        await connection.chunk(b"")

    async def act(backend: OpenAIBackend) -> None:
        transcript = Transcript()
        request = ChatRequest("served", (USER,), {"stream": True})
        status, _, body = await ask(backend, request, transcript)
        assert (status, body) == (200, frame)
        assert transcript.error_type == "provider"

    run(handler, act)


async def _hang_up(_: Received, connection: Connection) -> None:
    connection.abort()


async def _hang(_: Received, connection: Connection) -> None:
    await connection.until_gone()


async def _garble(_: Received, connection: Connection) -> None:
    await connection.send(b"SSH-2.0-x\r\n\r\n")
    await connection.until_gone()


@pytest.mark.parametrize(
    ("handler", "error_type", "status"),
    [(_hang_up, "closed", 502), (_hang, "timeout", 504), (_garble, "protocol", 502)],
)
def test_no_answer_is_a_backend_error(handler: Handler, error_type: str, status: int) -> None:
    """Named for the metric, worded for the client, without the upstream's address."""

    async def act(backend: OpenAIBackend) -> None:
        transcript = Transcript()
        with pytest.raises(BackendError) as caught:
            await ask(backend, ChatRequest("served", (USER,)), transcript)
        error = caught.value
        assert (error.error_type, error.status, error.model) == (error_type, status, "served")
        assert transcript.error_type == error_type
        assert not error.retryable
        assert error.message.startswith("Model served: The upstream ")
        assert "127.0.0.1" not in error.message

    run(handler, act, timeouts=IMPATIENT)


def test_unreachable_upstream_may_be_tried_again() -> None:
    """Nothing was sent."""

    async def act(backend: OpenAIBackend) -> None:
        with pytest.raises(BackendError) as caught:
            await ask(backend, ChatRequest("served", (USER,)))
        assert (caught.value.error_type, caught.value.status) == ("connect", 502)
        assert caught.value.retryable

    run(answer, act, base_url="http://127.0.0.1:1/v1")


def test_stall_midway_raises_from_the_chunks() -> None:
    """After what came has been passed on."""

    async def handler(_: Received, connection: Connection) -> None:
        # In one write, so that a slow machine cannot put the time-out between head and body.
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
        delta = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'
        await connection.send(head + delta)
        await connection.until_gone()

    async def act(backend: OpenAIBackend) -> None:
        transcript = Transcript()
        with pytest.raises(BackendError) as caught:
            await ask(backend, ChatRequest("served", (USER,), {"stream": True}), transcript)
        assert (caught.value.error_type, caught.value.status) == ("timeout", 504)
        assert (transcript.text, transcript.error_type) == ("Hi", "timeout")

    run(handler, act, timeouts=TimeoutsConfig(idle_s=0.05))


def test_shared_client_stays_open_when_the_backend_closes() -> None:
    """Another backend may still need it."""

    async def main() -> None:
        client = AutoClient()
        async with loopback(answer) as server:
            config = OpenAIConfig(name="served", base_url=server.url)
            first, second = OpenAIBackend(config, client), OpenAIBackend(config, client)
            await ask(first, ChatRequest("served", (USER,)))
            await first.close()
            await ask(second, ChatRequest("served", (USER,)))
            assert server.connections == 1
            await client.close()

    asyncio.run(main())


def test_flavour_decides_the_capabilities() -> None:
    """As the tables say."""
    config = OpenAIConfig(
        name="served",
        base_url="unix:/x.sock",
        flavour="vllm",
        max_tokens_field="max_completion_tokens",
    )
    settings = OpenAIBackend(config).capabilities.settings
    assert settings["repeat_penalty"] == "repetition_penalty"
    assert settings["max_tokens"] == "max_completion_tokens"


@pytest.mark.parametrize(
    "message", [{**USER, "Role": "system"}, {**USER, "CONTENT": "something else"}]
)
def test_ollama_is_not_sent_what_it_would_take_for_something_else(message: Any) -> None:
    """It folds the case of names, and the last one wins."""

    async def act(backend: OpenAIBackend) -> None:
        with pytest.raises(RequestError, match="Did you mean"):
            await ask(backend, ChatRequest("served", (message,)))

    assert not run(answer, act, flavour="ollama").requests
    run(answer, asking(ChatRequest("served", (message,))), flavour="vllm")


def test_other_routes_are_reached_by_fields_alone() -> None:
    """Under the name that the server knows the model by, and with our key."""
    request = ChatRequest("served", (USER,), {"prompt": "hi", "x": 1}, raw=RAW)

    async def act(backend: OpenAIBackend) -> None:
        async with backend.forward("/v1/completions", request, Transcript()) as reply:
            assert reply.status == 200

    (received,) = run(answer, act, upstream_model="real", api_key_env="KEY").requests
    assert received.path == "/v1/completions"
    assert received.json == {"model": "real", "prompt": "hi", "x": 1}
    assert received.headers["authorization"] == "Bearer sk-secret"


def test_retries_are_the_models_own_and_told() -> None:
    """By default once."""
    told: list[str] = []
    statuses = [503, 200]

    async def handler(_: Received, connection: Connection) -> None:
        await connection.respond(ANSWER, status=statuses.pop(0), headers=b"retry-after: 0")

    async def act(backend: OpenAIBackend) -> None:
        backend.on_retry = told.append
        assert (await ask(backend, ChatRequest("served", (USER,))))[0] == 200

    assert len(run(handler, act).requests) == 2
    assert told == ["status_503"]


@pytest.mark.parametrize("first", [b'"model"', b'"mod\\u0065l"'])
def test_body_that_names_two_models_names_the_served_one_only(first: bytes) -> None:
    """Whichever of them the server would have taken."""
    raw = b'{%b: "dearer", "model": "served", "messages": []}' % first
    (received,) = run(answer, asking(ChatRequest("served", (USER,), raw=raw))).requests
    assert received.body.count(b"dearer") == 0
    assert received.json == {"model": "served", "messages": [USER]}
