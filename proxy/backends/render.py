"""Answers in OpenAI's wire form, for backends that hold text and not an upstream's bytes.

A stream's chunks differ only in the delta: everything before and after it is rendered once, so that
a token costs one JSON string and one join.

Source: https://platform.openai.com/docs/api-reference/chat/object and …/chat/streaming
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec

from proxy.domain import Usage

JSON_HEADERS = ((b"content-type", b"application/json"),)
SSE_HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    # nginx buffers a stream otherwise, and the client sees it all at once.
    (b"x-accel-buffering", b"no"),
)
DONE = b"data: [DONE]\n\n"

_encode = msgspec.json.Encoder().encode


class Choice(NamedTuple):
    """One answer of a plain response."""

    text: str
    finish_reason: str


class Answer(NamedTuple):
    """What is said once about an answer.

    Args:
        id: ``chatcmpl-…``, the same in all chunks.
        model: the served name.
        created: seconds since the epoch.
    """

    id: str
    model: str
    created: int


def new_id() -> str:
    """A fresh ``chatcmpl-…`` id."""
    return f"chatcmpl-{uuid4().hex}"


def completion(answer: Answer, choices: Sequence[Choice], usage: Usage) -> bytes:
    """The body of an answer that is not streamed: a ``chat.completion``."""
    body = {
        "id": answer.id,
        "object": "chat.completion",
        "created": answer.created,
        "model": answer.model,
        "choices": [
            {
                "index": index,
                "message": {"role": "assistant", "content": choice.text, "refusal": None},
                "logprobs": None,
                "finish_reason": choice.finish_reason,
            }
            for index, choice in enumerate(choices)
        ],
        "usage": _usage(usage),
    }
    return _encode(body)


class ChunkTemplate:
    """Renders one stream's server-sent events.

    Args:
        answer: what all chunks share.
        include_usage: the client's ``stream_options.include_usage``; every other chunk then says
            ``"usage": null``, as OpenAI's do.
    """

    __slots__ = ("_head", "_include_usage", "_tail")

    def __init__(self, answer: Answer, *, include_usage: bool = False) -> None:
        self._include_usage = include_usage
        self._head = (
            b'data: {"id":%b,"object":"chat.completion.chunk","created":%d,"model":%b,"choices":['
            % (_encode(answer.id), answer.created, _encode(answer.model))
        )
        self._tail = b'],"usage":null}\n\n' if include_usage else b"]}\n\n"

    def role(self, *, index: int = 0) -> bytes:
        """The first chunk of a choice."""
        return self._choice(index, b'{"role":"assistant","content":""}', b"null")

    def delta(self, text: str, *, index: int = 0) -> bytes:
        """A piece of text."""
        return self._choice(index, b'{"content":%b}' % _encode(text), b"null")

    def finish(self, finish_reason: str, *, index: int = 0) -> bytes:
        """The last chunk of a choice."""
        return self._choice(index, b"{}", _encode(finish_reason))

    def end(self, usage: Usage) -> bytes:
        """What closes the stream: the usage chunk, if asked for, and ``[DONE]``."""
        if not self._include_usage:
            return DONE
        return b'%b],"usage":%b}\n\n%b' % (self._head, _encode(_usage(usage)), DONE)

    def _choice(self, index: int, delta: bytes, finish_reason: bytes) -> bytes:
        return b'%b{"index":%d,"delta":%b,"logprobs":null,"finish_reason":%b}%b' % (
            self._head,
            index,
            delta,
            finish_reason,
            self._tail,
        )


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }
