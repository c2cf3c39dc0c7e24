"""What the litellm backend adds to the conformance suite, through the real litellm."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from proxy.backends.config import LiteLLMConfig
from proxy.backends.litellm_sdk import LiteLLMBackend, refuse_compromised
from proxy.domain import ChatRequest, Transcript
from proxy.errors import BackendError, ModelLoadError
from tests.loopback import Connection, Handler, Loopback, Received, loopback

# litellm walks over pydantic's deprecated attributes while it merges chunks.
pytestmark = pytest.mark.filterwarnings("ignore:Accessing the 'model_:DeprecationWarning")

USER = {"role": "user", "content": "Hello"}
Act = Callable[[LiteLLMBackend], Awaitable[None]]


def run(handler: Handler, act: Act, *, path: str = "/v1", **config: Any) -> Loopback:
    """Run ``act`` on a backend in front of ``handler``."""

    async def main() -> Loopback:
        async with loopback(handler) as server:
            address = server.url.removesuffix("/v1") + path
            given = {
                "name": "served",
                "upstream_model": "openai/upstream",
                "api_base": address,
                "api_key_env": "KEY",
                "timeout_s": 10.0,
                **config,
            }
            backend = LiteLLMBackend(LiteLLMConfig(**given), environ={"KEY": "sk-secret"})
            await backend.start()
            try:
                await act(backend)
            finally:
                await backend.close()
        return server

    return asyncio.run(main())


async def ask(backend: LiteLLMBackend, transcript: Transcript, **fields: Any) -> tuple[int, bytes]:
    """Status and body."""
    async with backend.chat(ChatRequest("served", (USER,), fields), transcript) as reply:
        return reply.status, b"".join([chunk async for chunk in reply.chunks])


async def openai_answer(_: Received, connection: Connection) -> None:
    """Answer as OpenAI does."""
    message = {"role": "assistant", "content": "Hi"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
    body = {"id": "x", "object": "chat.completion", "created": 1, "model": "u"}
    await connection.respond(msgspec.json.encode({**body, "choices": [choice], "usage": usage}))


def test_request_has_our_key_and_no_control_of_the_clients() -> None:
    """It stays on this server, with this key, whatever the client sends."""

    async def act(backend: LiteLLMBackend) -> None:
        status, _ = await ask(
            backend,
            Transcript(),
            temperature=0.5,
            api_base="http://127.0.0.1:1/evil",
            api_key="sk-theirs",
            mock_response="not asked",
            extra_headers={"authorization": "Bearer theirs"},
            unknown_field=1,
        )
        assert status == 200

    (received,) = run(openai_answer, act).requests
    assert received.headers["authorization"] == "Bearer sk-secret"
    assert received.json == {"model": "upstream", "messages": [USER], "temperature": 0.5}


def test_left_out_field_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """Named, without its value."""

    async def act(backend: LiteLLMBackend) -> None:
        for _ in range(2):
            await ask(backend, Transcript(), unknown_field="private")

    with caplog.at_level(logging.WARNING, logger="proxy"):
        run(openai_answer, act)
    messages = [record.getMessage() for record in caplog.records]
    assert messages == ["field_left_out model=served field='unknown_field'"]


def test_litellm_never_logs_what_was_said(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Also not while everything else logs at debug level."""

    async def act(backend: LiteLLMBackend) -> None:
        await ask(backend, Transcript())

    with caplog.at_level(logging.DEBUG):
        run(openai_answer, act)
    assert not [record for record in caplog.records if record.name.startswith("LiteLLM")]
    assert "Hello" not in "".join(capfd.readouterr())


def test_clients_messages_are_not_rewritten() -> None:
    """Litellm changes lists in place."""
    parts = [{"type": "text", "text": "Hello"}]
    message = {"role": "user", "content": parts}

    async def act(backend: LiteLLMBackend) -> None:
        request = ChatRequest("served", (message,))
        async with backend.chat(request, Transcript()) as reply:
            async for _ in reply.chunks:
                pass

    run(openai_answer, act)
    assert message == {"role": "user", "content": [{"type": "text", "text": "Hello"}]}


def test_ollama_style_server_streams_and_answers() -> None:
    """Another wire than OpenAI's: newline-delimited JSON under ``/api/chat``."""
    lines = [
        {"model": "u", "message": {"role": "assistant", "content": "Good "}, "done": False},
        {"model": "u", "message": {"role": "assistant", "content": "day"}, "done": False},
        {
            "model": "u", "message": {"role": "assistant", "content": ""}, "done": True,
            "done_reason": "stop", "prompt_eval_count": 5, "eval_count": 2,
        },
    ]  # fmt: skip

    async def handler(request: Received, connection: Connection) -> None:
        if request.path != "/api/chat":
            await connection.respond(b"{}", status=404)
        elif request.json["stream"]:
            await connection.start_stream(b"content-type: application/x-ndjson")
            for line in lines:
                await connection.chunk(msgspec.json.encode(line) + b"\n")
            await connection.chunk(b"")
        else:
            whole = {**lines[-1], "message": {"role": "assistant", "content": "Good day"}}
            await connection.respond(msgspec.json.encode(whole))

    async def act(backend: LiteLLMBackend) -> None:
        assert backend.capabilities.settings["repeat_penalty"] == "repeat_penalty"
        for stream in (False, True):
            transcript = Transcript()
            fields = {"temperature": 0.5, "top_k": 7, "repeat_penalty": 1.1, "max_tokens": 9}
            status, _ = await ask(backend, transcript, stream=stream, **fields)
            assert (status, transcript.text) == (200, "Good day")
            assert transcript.is_complete

    server = run(handler, act, path="", upstream_model="ollama_chat/u", api_key_env=None)
    # Nothing else is asked: litellm would look for a price, and block the event loop meanwhile.
    assert [request.path for request in server.requests] == ["/api/chat"] * 2
    for request in server.requests:
        options = request.json["options"]
        assert (options["temperature"], options["top_k"]) == (0.5, 7)
        assert (options["repeat_penalty"], options["num_predict"]) == (1.1, 9)


def test_rate_limit_keeps_retry_after() -> None:
    """The client knows when to come back."""

    async def handler(_: Received, connection: Connection) -> None:
        await connection.respond(
            b'{"error":{"message":"slow down, sk-secret","type":"x","code":null}}',
            status=429,
            headers=b"content-type: application/json\r\nretry-after: 7",
        )

    async def act(backend: LiteLLMBackend) -> None:
        request = ChatRequest("served", (USER,))
        async with backend.chat(request, Transcript()) as reply:
            body = b"".join([chunk async for chunk in reply.chunks])
        assert reply.status == 429
        assert dict(reply.headers)[b"retry-after"] == b"7"
        assert b"slow down" in body
        assert b"sk-secret" not in body

    assert len(run(handler, act).requests) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_provider_that_hangs_up_is_a_backend_error(*, stream: bool) -> None:
    """Asked once: retries are the proxy's business, not litellm's."""

    async def handler(_: Received, connection: Connection) -> None:
        connection.abort()

    async def act(backend: LiteLLMBackend) -> None:
        transcript = Transcript()
        with pytest.raises(BackendError) as caught:
            await ask(backend, transcript, stream=stream)
        assert (caught.value.error_type, caught.value.status) == ("connect", 502)
        assert transcript.error_type == "connect"

    assert len(run(handler, act).requests) == 1


def test_provider_that_never_answers_is_a_timeout() -> None:
    """504, as for every other backend."""

    async def handler(_: Received, connection: Connection) -> None:
        await connection.until_gone()

    async def act(backend: LiteLLMBackend) -> None:
        with pytest.raises(BackendError) as caught:
            await ask(backend, Transcript())
        assert (caught.value.error_type, caught.value.status) == ("timeout", 504)

    run(handler, act, timeout_s=0.1)


def start(**config: Any) -> LiteLLMBackend:
    """A started backend."""
    backend = LiteLLMBackend(LiteLLMConfig(name="served", **config), environ={"EMPTY": ""})
    asyncio.run(backend.start())
    return backend


def test_capabilities_come_from_litellms_tables() -> None:
    """Without a network."""
    settings = start(upstream_model="anthropic/claude-sonnet-4-5").capabilities.settings
    assert {"temperature", "top_p", "top_k", "max_tokens", "stop"} == set(settings)


def test_unknown_provider_stops_the_start() -> None:
    """The message shows how to write it."""
    with pytest.raises(ModelLoadError, match="litellm knows no provider of 'nobody/x'"):
        start(upstream_model="nobody/x")


def test_missing_key_stops_the_start() -> None:
    """The message names the variable and the remedy."""
    with pytest.raises(ModelLoadError, match="environment variable EMPTY holds no key"):
        start(upstream_model="openai/x", api_key_env="EMPTY")


@pytest.mark.parametrize("version", ["1.82.7", "1.82.8"])
def test_compromised_release_is_refused(version: str) -> None:
    """And the reader learns what to do about the keys."""
    with pytest.raises(ModelLoadError) as caught:
        refuse_compromised(version, model="served")
    assert str(caught.value) == (
        f"models: served: litellm {version} is a compromised release that steals credentials. "
        "Remove it, rotate every key this machine has seen, and run: "
        "pip install 'litellm>=1.106,!=1.82.7,!=1.82.8'"
    )


def test_other_releases_are_accepted() -> None:
    """Only those two were not litellm's own."""
    refuse_compromised("1.110.2", model="served")
