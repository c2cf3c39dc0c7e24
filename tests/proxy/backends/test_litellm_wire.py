"""litellm's objects → OpenAI's wire."""

from __future__ import annotations

from typing import Any

import msgspec

from proxy.backends.litellm_wire import Wire
from proxy.domain import ChatRequest, Transcript, Usage


class _Answer:
    """Anything with pydantic's ``model_dump``."""

    def __init__(self, **given: Any) -> None:
        self._given = given

    def model_dump(self, *, exclude_none: bool) -> dict[str, Any]:
        """As litellm's objects have it."""
        assert exclude_none
        return self._given


def wire(**fields: Any) -> tuple[Wire, Transcript]:
    """A renderer and what it notes."""
    transcript = Transcript()
    return Wire(ChatRequest("served", (), fields), transcript), transcript


def event(frame: bytes) -> Any:
    """The decoded event."""
    assert frame.startswith(b"data: ")
    return msgspec.json.decode(frame.removeprefix(b"data: ").removesuffix(b"\n\n"))


def test_body_has_openais_fields_and_the_served_name() -> None:
    """Litellm's and the provider's internals stay behind."""
    rendering, transcript = wire()
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "tool_calls": [call], "provider_specific_fields": {"x": 1}}
    body = msgspec.json.decode(
        rendering.body(
            _Answer(
                id="theirs",
                model="provider/secret-deployment",
                choices=[{"index": 0, "message": message, "finish_reason": "tool_calls"}],
                usage={"prompt_tokens": 5, "completion_tokens": 2},
                _hidden_params={"api_base": "x"},
            )
        )
    )
    assert set(body) == {"id", "object", "created", "model", "choices", "usage"}
    assert body["model"] == "served"
    (choice,) = body["choices"]
    assert choice["message"] == {"role": "assistant", "content": None, "tool_calls": [call]}
    assert transcript.finish_reason == "tool_calls"
    assert transcript.usage == Usage(5, 2)


def test_reasoning_is_passed_on_but_not_judged() -> None:
    """Judges see the answer alone."""
    rendering, transcript = wire(stream=True)
    delta = {"role": "assistant", "content": "Hi", "reasoning_content": "hm"}
    frame = rendering.frame(_Answer(choices=[{"index": 0, "delta": delta}]))
    assert event(frame)["choices"][0]["delta"] == delta
    assert transcript.text == "Hi"


def test_chunk_that_only_counts_is_held_for_the_end() -> None:
    """Noted always, rendered only if the client asked."""
    for include in (False, True):
        rendering, transcript = wire(stream=True, stream_options={"include_usage": include})
        done = {"index": 0, "delta": {}, "finish_reason": "stop"}
        first = event(rendering.frame(_Answer(choices=[done])))
        assert ("usage" in first) is include
        counted = _Answer(choices=[], usage={"prompt_tokens": 5, "completion_tokens": 2})
        assert rendering.frame(counted) == b""
        assert transcript.usage == Usage(5, 2)
        *events, last, rest = rendering.end().split(b"\n\n")
        assert (last, rest) == (b"data: [DONE]", b"")
        assert [event(found)["usage"]["prompt_tokens"] for found in events] == [5] * include
        assert transcript.is_complete


def test_end_without_a_reason_is_cut_off() -> None:
    """A truncated answer is no answer."""
    rendering, transcript = wire(stream=True)
    rendering.end()
    assert transcript.error_type == "closed"


def test_other_choices_are_rendered_but_not_noted() -> None:
    """The first one is judged."""
    rendering, transcript = wire(stream=True)
    choice = {"index": 1, "delta": {"content": "x"}, "finish_reason": "stop"}
    assert event(rendering.frame(_Answer(choices=[choice])))["choices"][0]["index"] == 1
    assert not transcript.has_text
    assert transcript.finish_reason is None
