"""Streams as servers send them: every shape of an answer, frame by frame.

Source: https://platform.openai.com/docs/api-reference/chat-streaming and …/responses-streaming;
https://docs.ollama.com/api/streaming
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.openai_upstream import RESPONSE, completion_chunks, response_events

DONE = "data: [DONE]\n\n"

_HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "upstream"}
_PLACE = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
_USAGE = {
    "prompt_tokens": 9,
    "completion_tokens": 2,
    "total_tokens": 11,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 0},
}
_FIGURE = {"token": "Good", "logprob": -0.25, "bytes": [71, 111, 111, 100], "top_logprobs": []}


def _frame(payload: Mapping[str, Any]) -> str:
    return f"data: {json.dumps(payload)}\n\n"


def _chunk(
    delta: Mapping[str, Any], reason: str | None = None, *, index: int = 0, **more: Any
) -> str:
    choice = {"index": index, "delta": delta, "finish_reason": reason, **more}
    return _frame({**_HEAD, "choices": [choice]})


def _event(kind: str, number: int, **fields: Any) -> str:
    return f"event: {kind}\n" + _frame({"type": kind, "sequence_number": number, **fields})


def _tool(**function: str) -> dict[str, Any]:
    return {"tool_calls": [{"index": 0, "function": function}]}


def _texts(*texts: str, **more: Any) -> str:
    return "".join(_chunk({"content": text}, **more) for text in texts)


_ROLE = _chunk({"role": "assistant", "content": "", "refusal": None})
_CALL = {"index": 0, "id": "call_1", "type": "function"}
_STARTED = {"role": "assistant", "content": None}
_CALLED = {**RESPONSE, "output": [{"type": "function_call", "name": "add", "arguments": '{"a":1}'}]}
_FAILED = {
    **RESPONSE,
    "status": "failed",
    "output": [],
    "error": {"code": "server_error", "message": "The model failed."},
}
_CUT = {**RESPONSE, "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}

CHAT: Mapping[str, str] = {
    "text": _ROLE + _texts("Good ", "day.") + _chunk({}, "stop") + DONE,
    "length": _ROLE + _texts("Good ") + _chunk({}, "length") + DONE,
    "content-filter": _ROLE + _texts("Good ") + _chunk({}, "content_filter") + DONE,
    "refusal": _chunk({"role": "assistant", "content": None, "refusal": ""})
    + _chunk({"refusal": "I cannot "})
    + _chunk({"refusal": "do that."})
    + _chunk({}, "stop")
    + DONE,
    "tools": _chunk(
        {**_STARTED, "tool_calls": [{**_CALL, "function": {"name": "add", "arguments": ""}}]}
    )
    + _chunk(_tool(arguments='{"a":'))
    + _chunk(_tool(arguments="1}"))
    + _chunk({}, "tool_calls")
    + DONE,
    "reasoning": _chunk({"role": "assistant"})
    + _chunk({"reasoning_content": "They greet."})
    + _texts("Good ", "day.")
    + _chunk({}, "stop")
    + DONE,
    "two-choices": _ROLE
    + _texts("Good ")
    + _texts("Hello", index=1)
    + _texts("day.")
    + _chunk({}, "stop", index=1)
    + _chunk({}, "stop")
    + DONE,
    "logprobs": _ROLE
    + _texts("Good", logprobs={"content": [_FIGURE], "refusal": None})
    + _chunk({}, "stop", logprobs=None)
    + DONE,
    "usage": _ROLE
    + _texts("Good ", "day.")
    + _chunk({}, "stop")
    + _frame({**_HEAD, "choices": [], "usage": _USAGE})
    + DONE,
    "error": _ROLE
    + _texts("Good ")
    + _frame({"error": {"message": "Overloaded.", "type": "server_error", "code": None}}),
    "error-event": _ROLE + "event: error\n" + _frame({"message": "Overloaded."}),
    "no-end": _ROLE + _texts("Good "),
    "empty": _ROLE + _chunk({}, "stop") + DONE,
    "nothing": DONE,
}
"""What comes on ``/v1/chat/completions``."""

COMPLETIONS: Mapping[str, str] = {
    "text": b"".join(completion_chunks()).decode(),
    "two-choices": "".join(
        _frame({"object": "text_completion", "choices": [{"index": at, "text": text, **end}]})
        for at, text, end in [
            (0, "Good ", {}),
            (1, "Hello", {"finish_reason": "stop"}),
            (0, "day.", {"finish_reason": "length"}),
        ]
    )
    + DONE,
}
"""What comes on ``/v1/completions``."""

RESPONSES: Mapping[str, str] = {
    "text": b"".join(response_events()).decode(),
    "refusal": _event("response.created", 0, response=RESPONSE)
    + _event("response.refusal.delta", 1, delta="I cannot.", **_PLACE)
    + _event("response.refusal.done", 2, refusal="I cannot.", **_PLACE)
    + _event("response.completed", 3, response=RESPONSE),
    "reasoning": _event("response.reasoning_summary_text.delta", 0, delta="They greet.")
    + _event("response.output_text.delta", 1, delta="Good day.", **_PLACE)
    + _event("response.completed", 2, response=RESPONSE),
    "tools": _event("response.output_item.added", 0, item={"type": "function_call", "name": "add"})
    + _event("response.function_call_arguments.delta", 1, delta='{"a":1}')
    + _event("response.completed", 2, response=_CALLED),
    "incomplete": _event("response.output_text.delta", 0, delta="Good ", **_PLACE)
    + _event("response.incomplete", 1, response=_CUT),
    "failed": _event("response.output_text.delta", 0, delta="Good ", **_PLACE)
    + _event("response.failed", 1, response=_FAILED),
    "error": _event("response.output_text.delta", 0, delta="Good ", **_PLACE)
    + _event("error", 1, code="server_error", message="The model failed.", param=None),
}
"""What comes on ``/v1/responses``."""

LOCAL: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "text": ("Hi.", {}),
    "length": ("Hello.", {"max_tokens": 2}),
    "stop": ("Hi you.", {"stop": "you"}),
    "usage": ("Hi.", {"stream_options": {"include_usage": True}}),
    "two-choices": ("Hm.", {"n": 2}),
    "logprobs": ("Hm.", {"logprobs": True, "top_logprobs": 1}),
    "reasoning": ("<think>\nHm.\n</think>\n\nHi.", {}),
    "tools": (
        'Well.\n<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>',
        {"tools": [{"type": "function", "function": {"name": "add"}}]},
    ),
}
"""What the local engine's model says, and what was asked of it."""


def _line(message: Mapping[str, Any], **end: Any) -> str:
    said = {"role": "assistant", "content": "", **message}
    return json.dumps({"model": "upstream", "message": said, "done": bool(end), **end}) + "\n"


_COUNTS = {"prompt_eval_count": 9, "eval_count": 2}

OLLAMA: Mapping[str, str] = {
    "text": _line({"content": "Good "})
    + _line({"content": "day."})
    + _line({}, done_reason="stop", **_COUNTS),
    "length": _line({"content": "Good "}) + _line({}, done_reason="length", **_COUNTS),
    "tools": _line({"tool_calls": [{"function": {"name": "add", "arguments": {"a": 1}}}]})
    + _line({}, done_reason="stop", **_COUNTS),
    "reasoning": _line({"thinking": "They greet."})
    + _line({"content": "Good day."})
    + _line({}, done_reason="stop", **_COUNTS),
    "error": _line({"content": "Good "}) + json.dumps({"error": "Overloaded."}) + "\n",
    "no-end": _line({"content": "Good "}),
    "empty": _line({}, done_reason="stop", **_COUNTS),
}
"""What comes on Ollama's own ``/api/chat``, which litellm puts into OpenAI's words."""

ASKED: Mapping[str, Mapping[str, Any]] = {
    "tools": {"tools": [{"type": "function", "function": {"name": "add"}}]},
    "two-choices": {"n": 2},
    "logprobs": {"logprobs": True},
    "usage": {"stream_options": {"include_usage": True}},
}
"""What is asked for of a provider behind litellm, for it to send such a shape."""

SCRIPTED: Mapping[str, Mapping[str, Any]] = {
    "text": {"answers": ["Good day."]},
    "content-filter": {"answers": ["Good day."], "finish_reason": "content_filter"},
    "error": {"answers": ["Good day."], "break_after": 1},
}
"""Rules of the scripted model."""


def pieces(body: str) -> Sequence[bytes]:
    """A stream's frames, or its lines, one by one."""
    end = "\n\n" if "\n\n" in body else "\n"
    return [f"{frame}{end}".encode() for frame in body.split(end) if frame]
