"""An answer of the Responses API, whole or in events, read into a transcript; see `observe`."""

from __future__ import annotations

from typing import Any

import msgspec

from proxy.domain import Transcript, Usage

_DELTAS = frozenset({"response.output_text.delta", "response.refusal.delta"})
_ENDS = frozenset({"response.completed", "response.incomplete", "response.failed"})

_CALLS = frozenset({"function_call", "custom_tool_call"})

_FINISH_REASONS = {"max_output_tokens": "length", "content_filter": "content_filter"}
"""Why an answer is incomplete → what a chat completion would say."""


class _Part(msgspec.Struct):
    text: str | None = None
    refusal: str | None = None


class _Item(msgspec.Struct):
    type: str = ""
    content: list[_Part] | None = None


class _InputDetails(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: _InputDetails | None = None


class _Incomplete(msgspec.Struct):
    reason: str | None = None


class _Response(msgspec.Struct):
    model: str | None = None
    status: str | None = None
    output: list[_Item] | None = None
    usage: _Usage | None = None
    incomplete_details: _Incomplete | None = None
    error: Any = None


class _Payload(_Response):
    """An event of a stream, or a whole response, which has no ``type``."""

    type: str = ""
    delta: Any = None
    response: _Response | None = None


_decode = msgspec.json.Decoder(_Payload).decode


def record_response(transcript: Transcript, data: bytes) -> None:
    """Read one event, or one whole body. Never raises."""
    try:
        payload = _decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        transcript.error_type = "protocol"
        return
    if payload.type in _DELTAS:
        if isinstance(payload.delta, str):
            transcript.add_text(payload.delta)
    elif payload.type in _ENDS and payload.response is not None:
        _record(transcript, payload.response)
    elif payload.type == "error" or (payload.error is not None and payload.status is None):
        transcript.error_type = "provider"
    elif not payload.type:
        _record(transcript, payload)


def _record(transcript: Transcript, response: _Response) -> None:
    transcript.model = response.model
    if response.usage is not None:
        transcript.usage = _counted(response.usage)
    if not transcript.has_text:  # a stream ends with all of its text once more
        for item in response.output or ():
            if item.type == "message":
                _add_text(transcript, item)
    if response.error is not None or response.status == "failed":
        transcript.error_type = "provider"
    elif response.status == "completed":
        transcript.finish_reason = "tool_calls" if _calls(response) else "stop"
    elif response.status == "incomplete":
        details = response.incomplete_details
        reason = "" if details is None else details.reason or ""
        transcript.finish_reason = _FINISH_REASONS.get(reason, "length")


def _calls(response: _Response) -> bool:
    """Whether the client is to run something: a chat completion would say so at its end."""
    return any(item.type in _CALLS for item in response.output or ())


def _add_text(transcript: Transcript, item: _Item) -> None:
    for part in item.content or ():
        transcript.add_text(part.text or part.refusal or "")


def _counted(usage: _Usage) -> Usage:
    details = usage.input_tokens_details
    return Usage(
        prompt_tokens=usage.input_tokens or 0,
        completion_tokens=usage.output_tokens or 0,
        cached_tokens=(details.cached_tokens or 0) if details else 0,
    )
