"""litellm's answer objects → OpenAI's wire form, and the transcript on the side.

Only OpenAI's own fields are written: litellm's objects carry internals of its own and the
provider's, and under the provider's name of the model.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from proxy.backends.render import DONE, new_id
from proxy.domain import ChatRequest, Transcript, Usage

_MESSAGE_FIELDS = (
    "role", "content", "refusal", "reasoning_content", "tool_calls", "function_call", "annotations",
    "audio",
)  # fmt: skip


class Wire:
    """Renders one answer.

    Args:
        request: what was asked; its served name goes into the answer.
        transcript: filled as the answer is rendered.
    """

    def __init__(self, request: ChatRequest, transcript: Transcript) -> None:
        self._model = request.model
        options = request.fields.get("stream_options") or {}
        self._include_usage = bool(options.get("include_usage"))
        self._transcript = transcript
        self._usage: Mapping[str, Any] | None = None
        self._id = new_id()
        self._created = int(time.time())

    def body(self, answer: Any) -> bytes:
        """The body of an answer that is not streamed."""
        given = answer.model_dump(exclude_none=True)
        choices = [self._choice(choice, "message") for choice in given.get("choices", ())]
        self._count(given.get("usage"))
        return msgspec.json.encode(
            self._head("chat.completion") | {"choices": choices, "usage": self._usage}
        )

    def frame(self, chunk: Any) -> bytes:
        """One event of a stream; empty for the chunk that only counts, which `end` renders."""
        given = chunk.model_dump(exclude_none=True)
        self._count(given.get("usage"))
        choices = [self._choice(choice, "delta") for choice in given.get("choices", ())]
        return self._event(choices, usage=None) if choices else b""

    def end(self) -> bytes:
        """What closes a stream: the counts, if the client asked for them, and ``[DONE]``."""
        if self._transcript.finish_reason is None and self._transcript.error_type is None:
            self._transcript.error_type = "closed"
        return (self._event([], usage=self._usage) if self._include_usage else b"") + DONE

    def _event(self, choices: list[dict[str, Any]], *, usage: Mapping[str, Any] | None) -> bytes:
        body = self._head("chat.completion.chunk") | {"choices": choices}
        if self._include_usage:
            body["usage"] = usage
        return b"data: %b\n\n" % msgspec.json.encode(body)

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self._id, "object": kind, "created": self._created, "model": self._model}

    def _choice(self, choice: Mapping[str, Any], kind: str) -> dict[str, Any]:
        message = choice.get(kind, {})
        index = choice.get("index", 0)
        reason = choice.get("finish_reason")
        if index == 0:
            self._transcript.model = self._model
            self._transcript.add_text(message.get("content") or message.get("refusal") or "")
            self._transcript.finish_reason = reason or self._transcript.finish_reason
        written = {name: message[name] for name in _MESSAGE_FIELDS if name in message}
        if kind == "message":
            written.setdefault("content", None)
        return {
            "index": index,
            kind: written,
            "logprobs": choice.get("logprobs"),
            "finish_reason": reason,
        }

    def _count(self, usage: Mapping[str, Any] | None) -> None:
        if usage is None:
            return
        self._usage = usage
        details = usage.get("prompt_tokens_details") or {}
        self._transcript.usage = Usage(
            prompt_tokens=usage.get("prompt_tokens", 0),
            completion_tokens=usage.get("completion_tokens", 0),
            cached_tokens=details.get("cached_tokens", 0),
        )
