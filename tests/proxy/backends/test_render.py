from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from proxy.backends.render import (
    DONE,
    Answer,
    Choice,
    ChunkTemplate,
    ToolCall,
    completion,
    new_id,
)
from proxy.domain import Usage

ANSWER = Answer(id="chatcmpl-1", model='odd "name" €', created=1_700_000_000)
USAGE = Usage(prompt_tokens=7, completion_tokens=5, cached_tokens=3)


def payload(frame: bytes) -> str:
    """The data of one frame."""
    text = frame.decode()
    assert text.startswith("data: ")
    assert text.endswith("\n\n")
    return text[6:-2]


def test_completion_is_valid_for_the_official_client() -> None:
    """The official client's strict model takes the body, and the numbers are right."""
    body = completion(ANSWER, [Choice("hi\n", "stop"), Choice("ho", "length")], USAGE)
    parsed = ChatCompletion.model_validate_json(body, strict=True)
    assert [choice.message.content for choice in parsed.choices] == ["hi\n", "ho"]
    assert [choice.finish_reason for choice in parsed.choices] == ["stop", "length"]
    assert parsed.model == ANSWER.model
    assert parsed.usage is not None
    assert parsed.usage.total_tokens == 12
    assert parsed.usage.prompt_tokens_details is not None
    assert parsed.usage.prompt_tokens_details.cached_tokens == 3


@given(text=st.text(), index=st.integers(0, 9))
def test_delta_survives_any_text(text: str, index: int) -> None:
    """Whatever the text, the frame is one line of JSON that gives it back."""
    frame = ChunkTemplate(ANSWER).delta(text, index=index)
    assert frame.count(b"\n") == 2
    parsed = ChatCompletionChunk.model_validate_json(payload(frame), strict=True)
    assert parsed.choices[0].delta.content == text
    assert parsed.choices[0].index == index


def test_role_comes_with_empty_content() -> None:
    """The first chunk names the assistant and adds no text."""
    delta = json.loads(payload(ChunkTemplate(ANSWER).role()))["choices"][0]["delta"]
    assert delta == {"role": "assistant", "content": ""}


@pytest.mark.parametrize("reason", ["stop", "length"])
def test_finish_carries_the_reason_and_no_text(reason: str) -> None:
    """The last chunk of a choice has an empty delta."""
    choice = json.loads(payload(ChunkTemplate(ANSWER).finish(reason)))["choices"][0]
    assert choice["finish_reason"] == reason
    assert choice["delta"] == {}


def test_end_without_usage_is_just_done() -> None:
    """A client that did not ask for usage gets no usage chunk."""
    assert ChunkTemplate(ANSWER).end(USAGE) == DONE
    assert "usage" not in json.loads(payload(ChunkTemplate(ANSWER).delta("x")))


def test_end_with_usage_has_a_chunk_without_choices() -> None:
    """With include_usage a chunk without choices carries it; the others say null."""
    template = ChunkTemplate(ANSWER, include_usage=True)
    frames = template.end(USAGE).removesuffix(DONE)
    parsed = ChatCompletionChunk.model_validate_json(payload(frames), strict=True)
    assert parsed.choices == []
    assert parsed.usage is not None
    assert parsed.usage.completion_tokens == 5
    assert json.loads(payload(template.delta("x")))["usage"] is None


def test_new_id_is_fresh() -> None:
    """Two answers never share an id."""
    assert new_id() != new_id()
    assert new_id().startswith("chatcmpl-")


def test_thoughts_calls_and_figures_are_valid_for_the_official_client() -> None:
    """Whole and as chunks; content is null where there are calls alone."""
    call = ToolCall("call_1", "f", '{"a": "é"}')
    figure = {"token": "x", "logprob": -0.5, "bytes": [120], "top_logprobs": []}
    body = completion(ANSWER, [Choice("", "tool_calls", "Hm.", [call], [figure])], USAGE)
    (choice,) = ChatCompletion.model_validate_json(body, strict=True).choices
    assert choice.message.content is None
    assert choice.message.tool_calls is not None
    assert choice.message.to_dict()["reasoning_content"] == "Hm."
    assert choice.logprobs is not None
    template = ChunkTemplate(ANSWER)
    frames = [
        template.reasoning("Hm."),
        template.tool_call(call, place=1),
        template.delta("x", logprobs=[figure]),
    ]
    chunks = [ChatCompletionChunk.model_validate_json(payload(f), strict=True) for f in frames]
    assert chunks[0].choices[0].delta.to_dict()["reasoning_content"] == "Hm."
    (sent,) = chunks[1].choices[0].delta.tool_calls or []
    assert sent.index == 1
    assert sent.function is not None
    assert sent.function.arguments == call.arguments
    assert chunks[2].choices[0].logprobs is not None
