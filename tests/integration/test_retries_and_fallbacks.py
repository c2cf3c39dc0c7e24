"""Upstreams that fail before the first byte, behind the whole proxy."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import openai
import pytest

from proxy.backends.base import Backend
from proxy.backends.config import OpenAIConfig, ScriptedRule
from proxy.backends.openai import OpenAIBackend
from tests.edge import assemble, scripted, write_policy
from tests.listening import listening
from tests.loopback import Connection, Loopback, Received, loopback
from tests.openai_upstream import COMPLETION, answer, encoded
from tests.rig import CHAT, HttpAnswer, Rig, parsed, request_bytes, run

NOBODY = "http://127.0.0.1:9/v1"
ASK: dict[str, Any] = {"model": "first", "messages": [{"role": "user", "content": "hi"}]}


class Reluctant:
    """Refuses some times before it answers."""

    def __init__(self, times: int, status: int, headers: bytes) -> None:
        self._left = times
        self._status = status
        self._headers = headers

    async def __call__(self, request: Received, connection: Connection) -> None:
        """Handle one request."""
        self._left -= 1
        if self._left >= 0:
            await connection.respond(b"{}", status=self._status, headers=self._headers)
        else:
            await answer(request, connection)


@pytest.mark.parametrize("status", [429, 503])
def test_refusal_with_a_time_is_retried_and_counted(tmp_path: Path, status: int) -> None:
    """The client never hears of it."""

    async def act(rig: Rig) -> None:
        client = await rig.openai()
        reply = await client.completions.create(model="m", prompt="hi")
        assert reply.choices[0].text == "Good day."
        sample = f'guardtune_retries_total{{model="m",reason="status_{status}"}}'
        assert await rig.metric(sample) == 1
        assert await rig.requests(200) == 1

    handler = Reluctant(1, status, b"retry-after: 0")
    assert len(run(act, tmp_path, handler).requests) == 2


def test_number_of_retries_is_the_models_own(tmp_path: Path) -> None:
    """Beyond it the refusal passes as it is."""

    async def act(rig: Rig) -> None:
        reply = await rig.post("/v1/completions", b'{"model": "m", "prompt": "hi"}')
        assert (reply.status, reply.headers["retry-after"], reply.body) == (503, "0", b"{}")

    handler = Reluctant(9, 503, b"retry-after: 0")
    retries = {"retries": {"max_retries": 3}}
    assert len(run(act, tmp_path, handler, model=retries).requests) == 4


def test_answer_that_was_begun_is_never_asked_for_again(tmp_path: Path) -> None:
    """The upstream has worked on it."""

    async def half(_: Received, connection: Connection) -> None:
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n{")
        connection.abort()

    async def act(rig: Rig) -> None:
        reply = await rig.chat()
        assert (reply.status, reply.json["error"]["code"]) == (502, "upstream_closed")

    assert len(run(act, tmp_path, half).requests) == 1


def _fallbacks(folder: Path, *backends: Any, **settings: Any) -> Any:
    """What a client gets from `first`, behind which the other models stand."""
    names = [backend.model for backend in backends]
    models = [
        {"name": name, "backend": "scripted", "fallbacks": names[1:] if name == names[0] else []}
        for name in names
    ]
    proxy = assemble(folder, backends, models=models, **settings)

    async def main() -> Any:
        async with (
            listening(proxy) as url,
            openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0) as client,
        ):
            return await client.chat.completions.with_raw_response.create(**ASK)

    return asyncio.run(main()), proxy


def _unreachable(name: str = "first") -> OpenAIBackend:
    retries = {"max_retries": 0}
    return OpenAIBackend(
        OpenAIConfig.model_validate({"name": name, "base_url": NOBODY, "retries": retries})
    )


def test_fallback_answers_under_the_policy_that_matches_it(tmp_path: Path) -> None:
    """Its own, not that of the model which failed; the headers say both."""
    write_policy(tmp_path, "for-first", "match: {models: [first]}\ndecoding: {temperature: 0.1}\n")
    write_policy(
        tmp_path, "for-second", "match: {models: [second]}\ndecoding: {temperature: 0.9}\n"
    )
    second = scripted(ScriptedRule(answers=("Second.",)), name="second")
    reply, proxy = _fallbacks(tmp_path, _unreachable(), second)
    assert reply.headers["x-guardtune-model"] == "second"
    assert reply.headers["x-guardtune-policy"].startswith("for-second@")
    assert reply.parse().choices[0].message.content == "Second."
    assert second.requests[0].fields["temperature"] == 0.9
    assert second.requests[0].model == "second"
    assert proxy.service.parts.admission.in_flight == 0


def test_clients_headers_reach_no_fallback(tmp_path: Path) -> None:
    """Neither ours that it made up, nor its key, nor anything else of it."""
    headers = {
        "x-guardtune-model": "forged",
        "x-guardtune-policy": "forged@000000000000",
        "x-guardtune-priority": "0",
        "authorization": "Bearer client-secret",
        "cookie": "a=b",
    }

    async def main() -> Loopback:
        async with loopback(answer) as server:
            second = OpenAIConfig(name="second", base_url=server.url, api_key_env="KEY")
            backends = [_unreachable(), OpenAIBackend(second, environ={"KEY": "sk-second"})]
            models = [
                {"name": "first", "backend": "scripted", "fallbacks": ["second"]},
                {"name": "second", "backend": "scripted"},
            ]
            proxy = assemble(tmp_path, backends, models=models)
            async with listening(proxy) as url:
                reply = await _post(url, headers)
            assert reply.headers["x-guardtune-model"] == "second"
            assert reply.headers["x-guardtune-policy"].startswith("passthrough@")
            return server

    (asked,) = asyncio.run(main()).requests
    assert asked.headers["authorization"] == "Bearer sk-second"
    assert set(asked.headers) == {
        "host", "accept", "accept-encoding", "authorization", "content-type", "content-length",
        "user-agent",
    }  # fmt: skip


async def _post(url: str, headers: Mapping[str, str]) -> HttpAnswer:
    where = urlsplit(url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    writer.write(request_bytes("POST", CHAT, msgspec.json.encode(ASK), headers))
    try:
        return parsed(await reader.read())
    finally:
        writer.close()


def test_model_that_answers_says_so_where_it_could_have_been_another(tmp_path: Path) -> None:
    """A client that reads the header need not know the configuration."""
    reply, _ = _fallbacks(tmp_path, scripted(name="first"), scripted(name="second"))
    assert reply.headers["x-guardtune-model"] == "first"


def test_strict_fallback_that_cannot_honour_its_policy_is_passed_over(tmp_path: Path) -> None:
    """The client hears of the failure, not of a model that it did not ask for."""
    write_policy(tmp_path, "p", "match: {models: [second]}\ndecoding: {top_k: 1}\n")
    second = _unreachable("second")
    with pytest.raises(openai.InternalServerError, match=r"Model first: .*cannot be reached"):
        _fallbacks(tmp_path, _unreachable(), second, strict=True)


def test_fallback_on_another_route_is_one_that_answers_there(tmp_path: Path) -> None:
    """A scripted model is passed over for text completions."""

    async def second(request: Received, connection: Connection) -> None:
        if request.json["model"] == "m":
            await connection.respond(b"{}", status=500)
        else:
            await connection.respond(encoded(COMPLETION))

    async def act(rig: Rig) -> None:
        config = OpenAIConfig(name="other", base_url=rig.upstream.url)
        models = [
            {"name": "m", "backend": "scripted", "fallbacks": ["fake", "other"]},
            {"name": "fake", "backend": "scripted"},
            {"name": "other", "backend": "scripted"},
        ]
        first = OpenAIConfig(name="m", base_url=rig.upstream.url)
        backends: list[Backend] = [OpenAIBackend(first), scripted(), OpenAIBackend(config)]
        proxy = assemble(tmp_path, backends, models=models)
        async with (
            listening(proxy) as url,
            openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0) as client,
        ):
            reply = await client.completions.with_raw_response.create(model="m", prompt="hi")
            assert reply.headers["x-guardtune-model"] == "other"

    run(act, tmp_path, second)
