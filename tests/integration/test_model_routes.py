"""The official client on every route that models answer on, through real sockets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openai
import pytest

from tests.loopback import Connection, Received
from tests.openai_upstream import (
    COMPLETION,
    EMBEDDINGS,
    RERANKED,
    RESPONSE,
    answer,
    completion_chunks,
    encoded,
    response_events,
    stream,
)
from tests.rig import Rig, run

POLICY = """\
system_prompt: {text: Be careful.}
demonstrations: [{user: u, assistant: a}]
decoding: {temperature: 0.5, max_tokens: 7, top_k: 4}
"""


def test_completion_is_decoded_under_the_policy_and_has_no_prompt(tmp_path: Path) -> None:
    """What cannot be done is said and counted; without its prompt no policy guards."""

    async def act(rig: Rig) -> None:
        client = await rig.openai()
        reply = await client.completions.with_raw_response.create(
            model="m", prompt="hi", temperature=2.0
        )
        assert reply.parse().choices[0].text == "Good day."
        assert reply.headers["x-guardtune-policy"].startswith("careful@")
        assert reply.headers["x-guardtune-ignored"] == "system_prompt, demonstrations, top_k"
        assert reply.headers["x-guardtune-overridden"] == "temperature"
        for setting in ("system_prompt", "demonstrations", "top_k"):
            sample = f'guardtune_settings_ignored_total{{model="m",setting="{setting}"}}'
            assert await rig.metric(sample) == 1
        assert await rig.metric('guardtune_unguarded_total{route="/v1/completions"}') == 1
        assert [(seen.prompt, seen.answer) for seen in rig.judge.seen] == [("hi", "Good day.")]

    (asked,) = run(act, tmp_path, answer, policy=POLICY).requests
    assert asked.json == {"model": "m", "prompt": "hi", "temperature": 0.5, "max_tokens": 7}


def test_policy_without_a_prompt_guards_completions(tmp_path: Path) -> None:
    """Then nothing of it is missing."""

    async def act(rig: Rig) -> None:
        client = await rig.openai()
        await client.completions.create(model="m", prompt="hi")
        assert await rig.metric('guardtune_unguarded_total{route="/v1/completions"}') == 0

    run(act, tmp_path, answer, policy="decoding: {temperature: 0.5}\n")


def test_response_has_the_policy_in_its_instructions(tmp_path: Path) -> None:
    """And its turns before the client's input, and its limits under this API's names."""

    async def act(rig: Rig) -> None:
        client = await rig.openai()
        reply = await client.responses.with_raw_response.create(
            model="m", instructions="Be short.", input="hi", max_output_tokens=100
        )
        assert reply.parse().output_text == "Good day."
        assert reply.headers["x-guardtune-ignored"] == "top_k"
        assert await rig.metric('guardtune_unguarded_total{route="/v1/responses"}') == 0
        sample = 'guardtune_tokens_total{model="m",policy="careful",type="cached"}'
        assert await rig.metric(sample) == 1
        (seen,) = rig.judge.seen
        assert (seen.prompt, seen.answer) == ("hi", "Good day.")
        assert "Be short." in seen.context

    (asked,) = run(act, tmp_path, answer, policy=POLICY).requests
    assert asked.json == {
        "model": "m",
        "instructions": "Be careful.\n\nBe short.",
        "input": [
            {"role": "user", "content": "u"},
            {"role": "assistant", "content": "a"},
            {"role": "user", "content": "hi"},
        ],
        "temperature": 0.5,
        "max_output_tokens": 7,
    }


def test_streams_pass_and_are_judged(tmp_path: Path) -> None:
    """The same as whole answers."""

    async def act(rig: Rig) -> None:
        client = await rig.openai()
        chunks = await client.completions.create(model="m", prompt="hi", stream=True)
        assert "".join([chunk.choices[0].text async for chunk in chunks]) == "Good day."
        events = await client.responses.create(model="m", input="hi", stream=True)
        assert [event.type async for event in events][-1] == "response.completed"
        await rig.proxy.service.parts.live.join()
        assert [seen.answer for seen in rig.judge.seen] == ["Good day."] * 2

    run(act, tmp_path, answer, policy=POLICY)


def test_bytes_pass_unchanged_where_no_policy_touches_them(tmp_path: Path) -> None:
    """Spaces, number spelling and unknown fields, both ways, on each route."""
    answers = {
        "/completions": encoded(COMPLETION),
        "/responses": encoded(RESPONSE),
        "/embeddings": encoded(EMBEDDINGS),
        "/rerank": RERANKED,
    }
    body = b'{ "model": "m",  "prompt": "caf\\u00e9", "input": "i", "unknown": [1e2]}'
    streaming = body[:-1] + b', "stream": true}'

    async def act(rig: Rig) -> None:
        for path, expected in answers.items():
            assert (await rig.post(f"/v1{path}", body)).body == expected
        assert (await rig.post("/v1/completions", streaming)).body == b"".join(completion_chunks())
        assert (await rig.post("/v1/responses", streaming)).body == b"".join(response_events())
        for path in answers:
            n = await rig.metric(f'guardtune_unguarded_total{{route="/v1{path}"}}')
            assert n == (2 if path in {"/completions", "/responses"} else 1)
        assert await rig.metric('guardtune_unjudged_total{reason="passthrough_route"}') == 1

    server = run(act, tmp_path, answer, policy=None, passthrough_routes=["/v1/rerank"])
    assert [asked.body for asked in server.requests] == [body] * 4 + [streaming] * 2


def test_embeddings_take_no_policy_and_are_counted(tmp_path: Path) -> None:
    """Numbers are nothing that a judge could look at."""

    async def act(rig: Rig) -> None:
        client = await rig.openai()
        reply = await client.embeddings.with_raw_response.create(
            model="m", input="hi", encoding_format="float"
        )
        assert reply.parse().data[0].embedding == [0.25, -1.5]
        assert reply.headers["x-guardtune-policy"].startswith("passthrough@")
        assert await rig.metric('guardtune_unguarded_total{route="/v1/embeddings"}') == 1
        assert await rig.metric('guardtune_unjudged_total{reason="incomplete"}') == 0
        sample = 'guardtune_tokens_total{model="m",policy="passthrough",type="prompt"}'
        assert await rig.metric(sample) == 3
        assert not rig.judge.seen

    run(act, tmp_path, answer, policy=POLICY)


def test_other_routes_are_404_unless_listed(tmp_path: Path) -> None:
    """Nobody spends the owner's key on what the owner has not named."""

    async def act(rig: Rig) -> None:
        for path in ("/rerank", "/files", "/audio/speech", "/responses/resp_1"):
            reply = await rig.post(f"/v1{path}", b'{"model": "m"}')
            assert (reply.status, reply.json["error"]["code"]) == (404, "unknown_url")

    assert not run(act, tmp_path, answer, policy=POLICY).requests


def test_models_without_a_server_say_who_answers_there(tmp_path: Path) -> None:
    """As OpenAI does for a chat model on a completions route."""

    async def act(rig: Rig) -> None:
        client = await rig.openai()
        for ask in (
            client.completions.create(model="fake", prompt="hi"),
            client.responses.create(model="fake", input="hi"),
            client.embeddings.create(model="fake", input="hi"),
        ):
            with pytest.raises(openai.NotFoundError, match="Models that do: `m`") as caught:
                await ask
            assert caught.value.code == "unsupported_route"
            assert caught.value.param == "model"

    run(act, tmp_path, answer, policy=POLICY)


def test_strict_model_refuses_what_it_cannot_honour(tmp_path: Path) -> None:
    """Instead of going on with half a policy."""

    async def act(rig: Rig) -> None:
        client = await rig.openai()
        with pytest.raises(openai.BadRequestError, match="`system_prompt`, `demonstrations`"):
            await client.completions.create(model="m", prompt="hi")
        with pytest.raises(openai.BadRequestError) as caught:
            await client.responses.create(model="m", input="hi")
        assert caught.value.code == "policy_not_honoured"

    assert not run(act, tmp_path, answer, policy=POLICY, strict=True).requests


@pytest.mark.parametrize("route", ["completions", "responses"])
def test_stream_that_breaks_raises_in_the_client_and_is_counted(tmp_path: Path, route: str) -> None:
    """Half an answer does not look like a short one, whatever the API."""
    frames = {"completions": completion_chunks(), "responses": response_events()}[route]

    async def broken(_: Received, connection: Connection) -> None:
        await stream(connection, frames[:-1], is_broken=True)

    async def act(rig: Rig) -> None:
        client = await rig.openai()
        make: Any = {
            "completions": lambda: client.completions.create(model="m", prompt="hi", stream=True),
            "responses": lambda: client.responses.create(model="m", input="hi", stream=True),
        }[route]
        chunks = await make()
        with pytest.raises(openai.APIError, match="broke off"):
            [chunk async for chunk in chunks]
        assert await rig.metric('guardtune_unjudged_total{reason="incomplete"}') == 1

    run(act, tmp_path, broken)


def test_error_of_the_server_passes_unchanged(tmp_path: Path) -> None:
    """Status, body and when to come back."""
    body = b'{"error": {"message": "slow down",  "type": "x", "param": null, "code": null}}'

    async def busy(_: Received, connection: Connection) -> None:
        await connection.respond(body, status=429, headers=b"retry-after: 60")

    async def act(rig: Rig) -> None:
        reply = await rig.post("/v1/responses", b'{"model": "m", "input": "hi"}')
        assert (reply.status, reply.headers["retry-after"], reply.body) == (429, "60", body)

    assert len(run(act, tmp_path, busy).requests) == 1
