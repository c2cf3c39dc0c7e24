"""The official Python client, against a model of each kind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, Literal

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam
from pydantic import BaseModel

from tests.conformance.clients.behind import GREETING
from tests.conformance.clients.site import (
    ABLE,
    ALL,
    GREETED,
    KEY,
    LOCAL,
    Site,
)
from tests.conformance.clients.weather import WEATHER_TOOL, arguments_of

NEVER_ENDS = {"2": -100}
"""Token 2 ends an answer of the embedded model."""


class Weather(BaseModel):
    """What a structured answer is parsed into."""

    city: Literal["Paris", "Rome"]
    degrees: int


def says(text: str) -> list[ChatCompletionMessageParam]:
    """A conversation of one message."""
    return [{"role": "user", "content": text}]


@pytest.fixture
def client(site: Site) -> Iterator[openai.OpenAI]:
    """A client that asks once."""
    with openai.OpenAI(base_url=site.base_url, api_key=KEY, max_retries=0, timeout=60) as made:
        yield made


@pytest.mark.parametrize("model", ALL)
def test_stream_says_what_the_whole_answer_says(client: openai.OpenAI, model: str) -> None:
    """Under one policy, with usage, a reason for its end, and one id."""
    raw = client.chat.completions.with_raw_response.create(model=model, messages=says("hello"))
    assert raw.headers["x-guardtune-policy"].startswith("careful@")
    whole = raw.parse()
    assert whole._request_id == raw.headers["x-request-id"]
    with client.chat.completions.with_streaming_response.create(
        model=model, messages=says("hello"), stream=True, stream_options={"include_usage": True}
    ) as reply:
        assert reply.headers["x-guardtune-policy"] == raw.headers["x-guardtune-policy"]
        chunks = list(reply.parse())
    deltas = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(deltas) == whole.choices[0].message.content
    assert chunks[-1].usage is not None
    assert whole.usage is not None
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens > 0
    reasons = [choice.finish_reason for chunk in chunks for choice in chunk.choices]
    assert [reason for reason in reasons if reason] == [whole.choices[0].finish_reason]
    assert len({chunk.id for chunk in chunks}) == 1


@pytest.mark.parametrize("model", GREETED)
def test_policy_stands_before_what_the_client_says(
    site: Site, client: openai.OpenAI, model: str
) -> None:
    """And the client's own fields go on."""
    answer = client.chat.completions.create(
        model=model, messages=says("hello"), extra_body={"unknown": [1]}
    )
    assert answer.choices[0].message.content == GREETING
    if model == "passed":
        assert site.behind.last["messages"][0] == {"role": "system", "content": "Be kind."}
        assert (site.behind.last["max_tokens"], site.behind.last["unknown"]) == (48, [1])


@pytest.mark.parametrize("model", ABLE)
def test_several_answers_have_an_index_each(client: openai.OpenAI, model: str) -> None:
    """Streamed or not."""
    whole = client.chat.completions.create(model=model, messages=says("hello"), n=2, max_tokens=4)
    assert [choice.index for choice in whole.choices] == [0, 1]
    stream = client.chat.completions.create(
        model=model, messages=says("hello"), n=2, max_tokens=4, stream=True
    )
    assert {choice.index for chunk in stream for choice in chunk.choices} == {0, 1}


@pytest.mark.parametrize("model", ABLE)
def test_figures_of_tokens_come_where_they_are_wanted(client: openai.OpenAI, model: str) -> None:
    """In the form that the client's types have."""
    answer = client.chat.completions.create(
        model=model, messages=says("hello"), logprobs=True, max_tokens=4
    )
    figures = answer.choices[0].logprobs
    assert figures is not None
    assert figures.content
    assert figures.content[0].logprob <= 0


@pytest.mark.parametrize("model", ABLE)
def test_tool_is_called_and_its_result_is_read(client: openai.OpenAI, model: str) -> None:
    """A whole round, as agents do it."""
    tools: Any = [WEATHER_TOOL]
    asked = says("What is the weather in Paris?")
    answer = client.chat.completions.create(
        model=model, messages=asked, tools=tools, tool_choice="required", parallel_tool_calls=False
    )
    message = answer.choices[0].message
    assert answer.choices[0].finish_reason == "tool_calls"
    assert message.tool_calls is not None
    (call,) = message.tool_calls
    assert call.type == "function"
    assert call.function.name == "weather"
    arguments_of(call.function.arguments)
    turns: Any = [
        *asked,
        message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": "21 degrees"},
    ]
    told = client.chat.completions.create(model=model, messages=turns, tools=tools)
    assert told.choices[0].message.content


@pytest.mark.parametrize("model", ABLE)
def test_tool_call_is_put_together_from_a_stream(client: openai.OpenAI, model: str) -> None:
    """By the client's own accumulator."""
    tools: Any = [WEATHER_TOOL]
    with client.chat.completions.stream(
        model=model,
        messages=says("Weather in Rome?"),
        tools=tools,
        tool_choice="required",
        parallel_tool_calls=False,
    ) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    assert "tool_calls.function.arguments.done" in kinds
    (call,) = final.choices[0].message.tool_calls or []
    arguments_of(call.function.arguments)


@pytest.mark.parametrize("model", ALL)
def test_structured_answer_is_parsed(client: openai.OpenAI, model: str) -> None:
    """Whole, and from a stream."""
    answer = client.chat.completions.parse(
        model=model, messages=says("The weather in Paris."), response_format=Weather, max_tokens=40
    )
    assert isinstance(answer.choices[0].message.parsed, Weather)
    with client.chat.completions.stream(
        model=model, messages=says("The weather in Paris."), response_format=Weather, max_tokens=40
    ) as stream:
        parsed = stream.get_final_completion().choices[0].message.parsed
    assert isinstance(parsed, Weather)


@pytest.mark.parametrize("model", ALL)
def test_mistakes_have_the_clients_own_classes(client: openai.OpenAI, model: str) -> None:
    """With the field at fault."""
    with pytest.raises(openai.BadRequestError) as wrong:
        client.chat.completions.create(model=model, messages=[])
    assert (wrong.value.param, wrong.value.status_code) == ("messages", 400)
    assert wrong.value.request_id is not None
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model=f"{model}x", messages=says("hello"))
    assert missing.value.code == "model_not_found"


def test_wrong_key_is_no_authentication(client: openai.OpenAI) -> None:
    """On any route."""
    with pytest.raises(openai.AuthenticationError) as caught:
        client.with_options(api_key="sk-other").models.list()
    assert caught.value.code == "invalid_api_key"


@pytest.mark.parametrize("model", GREETED)
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_failures_of_a_model_have_the_clients_own_classes(
    client: openai.OpenAI,
    model: str,
    status: int,
    kind: type[openai.APIStatusError],
    *,
    stream: bool,
) -> None:
    """The body and the time to come back are the server's."""
    with pytest.raises(kind) as caught:
        client.chat.completions.create(
            model=model, messages=says(f"status {status}"), stream=stream
        )
    assert caught.value.status_code == status
    if model == "passed":
        assert caught.value.code == "busy"
        assert caught.value.response.headers["retry-after"] == "30"


@pytest.mark.gguf
def test_conversation_that_does_not_fit_is_a_400(client: openai.OpenAI) -> None:
    """With the code that agents shorten their history on."""
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="local", messages=says("word " * 5000))
    assert caught.value.code == "context_length_exceeded"


@pytest.mark.parametrize("model", GREETED)
def test_stream_that_breaks_off_raises(client: openai.OpenAI, model: str) -> None:
    """Instead of looking like a short answer."""
    stream = client.chat.completions.create(model=model, messages=says("break"), stream=True)
    with pytest.raises(openai.APIError, match=r"br(oke|eaks) off"):
        list(stream)


@pytest.mark.parametrize("model", GREETED)
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_client_that_loses_patience_frees_the_model(
    site: Site, client: openai.OpenAI, model: str, *, stream: bool
) -> None:
    """The upstream's connection is closed and the place is free."""
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.3).chat.completions.create(
            model=model, messages=says("wait"), stream=stream
        )
    assert site.frees(model)


@pytest.mark.gguf
def test_client_that_loses_patience_stops_the_engine(site: Site, client: openai.OpenAI) -> None:
    """It does not write an answer to its end that nobody waits for."""
    sample = 'llamacpp:tokens_predicted_total{model="local"}'
    before = site.server.metric(sample) or 0
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.3).chat.completions.create(
            model="local", messages=says("hello"), max_tokens=400, logit_bias=NEVER_ENDS
        )
    assert site.frees("local")
    assert (site.server.metric(sample) or 0) - before < 400


@pytest.mark.parametrize("model", ABLE)
def test_client_that_closes_a_stream_frees_the_model(
    site: Site, client: openai.OpenAI, model: str
) -> None:
    """After the first words."""
    stream = client.chat.completions.create(
        model=model, messages=says("hold"), stream=True, max_tokens=400
    )
    for chunk in stream:
        if chunk.choices[0].delta.content:
            break
    stream.close()
    assert site.frees(model)


@pytest.mark.parametrize("model", ALL)
def test_asynchronous_client_streams(site: Site, model: str) -> None:
    """Several at once."""

    async def ask(client: openai.AsyncOpenAI) -> str:
        stream = await client.chat.completions.create(
            model=model, messages=says("hello"), stream=True
        )
        deltas = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
        return "".join(deltas)

    async def main() -> list[str]:
        async with openai.AsyncOpenAI(base_url=site.base_url, api_key=KEY) as client:
            return await asyncio.gather(*[ask(client) for _ in range(4)])

    answers = asyncio.run(main())
    # Answers decoded side by side differ in the last digits, and so now and then in a word.
    assert all(answers) if model == "local" else answers == [GREETING] * 4


@pytest.mark.parametrize("model", GREETED)
def test_asynchronous_request_that_is_cancelled_frees_the_model(site: Site, model: str) -> None:
    """As closing the tab of a chat does."""

    async def main() -> None:
        async with openai.AsyncOpenAI(base_url=site.base_url, api_key=KEY) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await client.chat.completions.create(model=model, messages=says("wait"))

    asyncio.run(main())
    assert site.frees(model)


def test_other_routes_answer_for_a_server_behind(client: openai.OpenAI) -> None:
    """Each parsed by the client's own types."""
    assert client.completions.create(model="passed", prompt="a").choices[0].text == "Good day."
    reply = client.responses.create(model="passed", input="a")
    assert reply.output_text == "Good day."
    with client.responses.stream(model="passed", input="a") as stream:
        kinds = [event.type for event in stream]
        assert stream.get_final_response().output_text == "Good day."
    assert kinds[0] == "response.created"
    vectors = client.embeddings.create(model="passed", input="a", encoding_format="float")
    assert vectors.data[0].embedding == [0.25, -1.5]


@pytest.mark.parametrize("model", ["scripted", LOCAL])
def test_other_routes_say_who_does_answer_there(client: openai.OpenAI, model: str) -> None:
    """Instead of a 500."""
    with pytest.raises(openai.NotFoundError, match="`passed`") as caught:
        client.responses.create(model=model, input="a")
    assert caught.value.code == "unsupported_route"


def test_models_are_listed(client: openai.OpenAI) -> None:
    """And found by name."""
    names = [model.id for model in client.models.list()]
    assert names[:2] == ["scripted", "passed"]
    assert [client.models.retrieve(name).id for name in names] == names
