"""Providers through the real litellm: loopback servers that speak OpenAI's wire and Ollama's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import openai
import pytest

from proxy.backends.config import LiteLLMConfig
from proxy.backends.litellm_sdk import LiteLLMBackend
from tests.edge import assemble, write_policy
from tests.integration.test_upstream_faults import WHOLE, frame
from tests.listening import listening
from tests.loopback import Connection, Handler, Received, loopback

# litellm walks over pydantic's deprecated attributes while it merges chunks.
pytestmark = pytest.mark.filterwarnings("ignore:Accessing the 'model_:DeprecationWarning")

Wire = Literal["openai", "ollama"]
WIRES: tuple[Wire, ...] = ("openai", "ollama")
POLICY = """\
system_prompt: {text: Be careful.}
demonstrations: [{user: u, assistant: a}]
decoding: {temperature: 0.5, top_k: 4, max_tokens: 7}
"""
CONVERSATION = [
    {"role": "system", "content": "Be careful."},
    {"role": "user", "content": "u"},
    {"role": "assistant", "content": "a"},
    {"role": "user", "content": "hi"},
]


async def as_openai(request: Received, connection: Connection) -> None:
    """Answer as OpenAI does."""
    if request.json.get("stream"):
        await connection.start_stream()
        await connection.chunk(WHOLE)
        await connection.chunk(b"")
        return
    message = {"role": "assistant", "content": "Good day."}
    body = {
        "id": "x", "object": "chat.completion", "created": 1, "model": "u",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
    }  # fmt: skip
    await connection.respond(json.dumps(body).encode())


async def as_ollama(request: Received, connection: Connection) -> None:
    """Answer as Ollama does, a JSON object a line."""
    end = {"done": True, "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 1}
    if not request.json["stream"]:
        await connection.respond(_line("Good day.", **end))
        return
    await connection.start_stream(b"content-type: application/x-ndjson")
    for line in (_line("Good "), _line("day."), _line("", **end), b""):
        await connection.chunk(line)


def _line(text: str, **fields: Any) -> bytes:
    message = {"role": "assistant", "content": text}
    return json.dumps({"model": "u", "message": message, "done": False, **fields}).encode() + b"\n"


HANDLERS: dict[Wire, Handler] = {"openai": as_openai, "ollama": as_ollama}


class Rig:
    """A client in front of a proxy in front of a provider."""

    def __init__(self, client: openai.AsyncOpenAI, requests: list[Received]) -> None:
        self.client = client
        self.requests = requests

    async def ask(self, **fields: Any) -> Any:
        """One chat completion, with its response's headers."""
        return await self.client.chat.completions.with_raw_response.create(
            model="m", messages=[{"role": "user", "content": "hi"}], **fields
        )

    async def metric(self, sample: str) -> float:
        """One sample; 0 if absent."""
        page = self.client.with_options(base_url=str(self.client.base_url).removesuffix("/v1/"))
        text = await page.get("/metrics", cast_to=str)
        values = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")
        return float(values.get(sample, 0))


@asynccontextmanager
async def rigged(folder: Path, wire: Wire, handler: Handler, **config: Any) -> AsyncIterator[Rig]:
    """Put it together."""
    write_policy(folder, "careful", POLICY)
    async with asyncio.timeout(60), loopback(handler) as server:
        given = {
            "openai": {"upstream_model": "openai/u", "api_base": server.url},
            "ollama": {
                "upstream_model": "ollama_chat/u",
                "api_base": server.url.removesuffix("/v1"),
            },
        }[wire]
        backend = LiteLLMBackend(
            LiteLLMConfig.model_validate({"name": "m", "api_key_env": "KEY", **given, **config}),
            environ={"KEY": "sk-secret"},
        )
        async with (
            listening(assemble(folder, [backend])) as url,
            openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0) as client,
        ):
            yield Rig(client, server.requests)


def run(
    act: Callable[[Rig], Awaitable[None]], folder: Path, wire: Wire, handler: Handler, **config: Any
) -> list[Received]:
    """Do something with a rig, and return what the provider was asked."""

    async def main() -> list[Received]:
        async with rigged(folder, wire, handler, **config) as rig:
            await act(rig)
            return rig.requests

    return asyncio.run(main())


def _options(wire: Wire, asked: Received) -> dict[str, Any]:
    """The decoding settings as the provider got them."""
    body = asked.json
    if wire == "ollama":
        body = body["options"] | {"max_tokens": body["options"].get("num_predict")}
    return {name: body.get(name) for name in ("temperature", "top_k", "max_tokens")}


@pytest.mark.parametrize("wire", WIRES)
def test_policy_reaches_the_provider_in_its_own_words(tmp_path: Path, wire: Wire) -> None:
    """Prompt, turns and settings; what this provider does not take is said."""

    async def act(rig: Rig) -> None:
        reply = await rig.ask(temperature=2.0)
        assert reply.parse().choices[0].message.content == "Good day."
        assert reply.headers["x-guardtune-policy"].startswith("careful@")
        assert reply.headers["x-guardtune-overridden"] == "temperature"
        assert reply.headers.get("x-guardtune-ignored") == (None if wire == "ollama" else "top_k")
        stream = (await rig.ask(stream=True)).parse()
        texts = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
        assert "".join(texts) == "Good day."

    for asked in run(act, tmp_path, wire, HANDLERS[wire]):
        said = [
            {name: turn[name] for name in ("role", "content")} for turn in asked.json["messages"]
        ]
        assert said == CONVERSATION
        top_k = 4 if wire == "ollama" else None
        assert _options(wire, asked) == {"temperature": 0.5, "top_k": top_k, "max_tokens": 7}


@pytest.mark.parametrize(
    ("status", "raised", "code"),
    [
        (400, openai.BadRequestError, None),
        (401, openai.AuthenticationError, "invalid_api_key"),
        (403, openai.PermissionDeniedError, None),
        (404, openai.NotFoundError, "model_not_found"),
        (422, openai.UnprocessableEntityError, None),
        (429, openai.RateLimitError, "rate_limit_exceeded"),
        (500, openai.InternalServerError, None),
        (503, openai.InternalServerError, None),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("wire", WIRES)
def test_providers_error_becomes_the_clients_own_class(
    tmp_path: Path,
    wire: Wire,
    status: int,
    raised: type[openai.APIStatusError],
    code: str | None,
    *,
    stream: bool,
) -> None:
    """The same status, OpenAI's shape, real strings, and never our key."""
    said = {"message": "no, sk-secret", "type": "t", "code": None}
    body = {"error": said if wire == "openai" else said["message"]}

    async def refusing(_: Received, connection: Connection) -> None:
        await connection.respond(json.dumps(body).encode(), status=status)

    async def act(rig: Rig) -> None:
        with pytest.raises(raised) as caught:
            await rig.ask(stream=stream)
        assert caught.value.status_code == status
        assert caught.value.code == code
        assert isinstance(caught.value.type, str)
        assert "sk-secret" not in str(caught.value)
        kind = f"status_{status // 100}xx"
        sample = f'guardtune_upstream_errors_total{{error_type="{kind}",model="m"}}'
        assert await rig.metric(sample) == 1
        assert await rig.metric("guardtune_internal_errors_total") == 0

    run(act, tmp_path, wire, refusing)


@pytest.mark.parametrize("wire", WIRES)
def test_rate_limit_with_a_time_is_retried(tmp_path: Path, wire: Wire) -> None:
    """By us, once, as for any other upstream."""
    answers = HANDLERS[wire]
    n_asked = 0

    async def reluctant(request: Received, connection: Connection) -> None:
        nonlocal n_asked
        n_asked += 1
        if n_asked == 1:
            await connection.respond(
                b'{"error": "later"}',
                status=429,
                headers=b"content-type: application/json\r\nretry-after: 0",
            )
        else:
            await answers(request, connection)

    async def act(rig: Rig) -> None:
        assert (await rig.ask()).parse().choices[0].message.content == "Good day."
        assert await rig.metric('guardtune_retries_total{model="m",reason="status_429"}') == 1

    assert len(run(act, tmp_path, wire, reluctant)) == 2


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("wire", WIRES)
def test_provider_that_hangs_up_is_a_502(tmp_path: Path, wire: Wire, *, stream: bool) -> None:
    """Asked once: it may have been working on it."""

    async def hanging_up(_: Received, connection: Connection) -> None:
        connection.abort()

    async def act(rig: Rig) -> None:
        with pytest.raises(openai.InternalServerError) as caught:
            await rig.ask(stream=stream)
        assert (caught.value.status_code, caught.value.code) == (502, "upstream_connect")

    assert len(run(act, tmp_path, wire, hanging_up)) == 1


@pytest.mark.parametrize("wire", WIRES)
def test_silent_provider_is_a_504(tmp_path: Path, wire: Wire) -> None:
    """After the model's own time."""

    async def silent(_: Received, connection: Connection) -> None:
        await connection.until_gone()

    async def act(rig: Rig) -> None:
        with pytest.raises(openai.InternalServerError) as caught:
            await rig.ask()
        assert (caught.value.status_code, caught.value.code) == (504, "upstream_timeout")

    run(act, tmp_path, wire, silent, timeout_s=0.2)


@pytest.mark.parametrize("wire", WIRES)
def test_stream_that_breaks_off_raises_in_the_client(tmp_path: Path, wire: Wire) -> None:
    """And is counted as unjudged: half an answer is none."""
    begun = {"openai": frame("Good "), "ollama": _line("Good ")}[wire]
    kind = {"openai": b"text/event-stream", "ollama": b"application/x-ndjson"}[wire]

    async def breaking(_: Received, connection: Connection) -> None:
        await connection.start_stream(b"content-type: " + kind)
        await connection.chunk(begun)
        connection.abort()

    async def act(rig: Rig) -> None:
        stream = (await rig.ask(stream=True)).parse()
        with pytest.raises(openai.APIError):
            [chunk async for chunk in stream]
        assert await rig.metric('guardtune_unjudged_total{reason="incomplete"}') == 1
        assert await rig.metric("guardtune_internal_errors_total") == 0

    run(act, tmp_path, wire, breaking)


@pytest.mark.parametrize("body", [b"{", b"<html>", b"[]", b"{}"])
@pytest.mark.parametrize("wire", WIRES)
def test_answer_that_is_none_is_no_bug_of_ours(tmp_path: Path, wire: Wire, body: bytes) -> None:
    """Whatever litellm makes of it."""

    async def babbling(_: Received, connection: Connection) -> None:
        await connection.respond(body)

    async def act(rig: Rig) -> None:
        with suppress(openai.InternalServerError):
            await rig.ask()
        assert await rig.metric("guardtune_internal_errors_total") == 0

    run(act, tmp_path, wire, babbling)
