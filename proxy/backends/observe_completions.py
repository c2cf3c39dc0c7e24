"""Chat and text completions read into transcripts: whole ones, chunks, and many chunks at once.

Only what judges and metrics read is decoded: the first choice's text, its finish reason, token
counts, errors. ``reasoning_content`` stays out of the text, because judges see the answer alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from proxy.domain import Transcript, Usage

Record = Callable[[Transcript, bytes], None]
"""Reads one event's data, or one whole body, into a transcript. Never raises."""


_DATA = b"data: "
_END = b"\n\n"
# JSON has no line break within a string, so this is never part of an event.
_BETWEEN = _END + _DATA


class _Part(msgspec.Struct, gc=False):
    type: str = ""
    text: str | None = None


class _Message(msgspec.Struct, gc=False):
    """A whole message or a delta of one."""

    content: str | list[_Part] | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct, gc=False):
    index: int = 0
    delta: _Message | None = None
    message: _Message | None = None
    text: str | None = None
    finish_reason: str | None = None


class _PromptDetails(msgspec.Struct, gc=False):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct, gc=False):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None


class _Payload(msgspec.Struct, gc=False):
    """What we read of a chat or text completion, whole or chunk."""

    model: str | None = None
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None


_decode = msgspec.json.Decoder(_Payload).decode
_decode_many = msgspec.json.Decoder(list[_Payload]).decode


def record_completion(transcript: Transcript, data: bytes) -> None:
    """Read a chat or text completion, or a chunk of one."""
    try:
        payload = _decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        transcript.error_type = "protocol"
        return
    _record(transcript, payload)


def record_completions(transcript: Transcript, events: bytes) -> bool:
    """Read chunks of a stream at once, which takes half the time.

    Args:
        transcript: filled with all of them, or with none.
        events: whole ones of a single ``data:`` line each, a blank line behind each.

    Returns:
        Whether they could be read so; if not, they are to be read one by one.
    """
    n_events = events.count(_BETWEEN) + 1
    array = b"[%b]" % events.removeprefix(_DATA).removesuffix(_END).replace(_BETWEEN, b",")
    try:
        payloads = _decode_many(array)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    if len(payloads) != n_events:
        return False
    texts: list[str] = []
    for payload in payloads:
        if (text := _mere_text(payload)) is not None:
            texts.append(text)
        else:
            transcript.add_text("".join(texts))
            texts.clear()
            _record(transcript, payload)
    transcript.add_text("".join(texts))
    named = (payload.model for payload in reversed(payloads) if payload.model is not None)
    transcript.model = next(named, transcript.model)
    return True


def _mere_text(payload: _Payload) -> str | None:
    """The text of a chunk that says nothing else, as nearly all do; None for any other."""
    choices = payload.choices
    if payload.usage is not None or payload.error is not None or not choices or len(choices) > 1:
        return None
    choice = choices[0]
    delta = choice.delta
    if choice.index or choice.finish_reason is not None or delta is None or delta.refusal:
        return None
    return delta.content if isinstance(delta.content, str) else None


def _record(transcript: Transcript, payload: _Payload) -> None:
    if payload.error is not None:
        transcript.error_type = "provider"
    if payload.model is not None:
        transcript.model = payload.model
    if payload.usage is not None:
        transcript.usage = _counted(payload.usage)
    if payload.choices:
        for choice in payload.choices:
            if choice.index == 0:
                _record_choice(transcript, choice)


def _record_choice(transcript: Transcript, choice: _Choice) -> None:
    message = choice.delta or choice.message
    if message is not None:
        if message.content:
            transcript.add_text(_text(message.content))
        if message.refusal:
            transcript.add_text(message.refusal)
    elif choice.text is not None:
        transcript.add_text(choice.text)
    if choice.finish_reason is not None:
        transcript.finish_reason = choice.finish_reason


def _text(content: str | list[_Part]) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.text or "" for part in content if part.type == "text")


def _counted(usage: _Usage) -> Usage:
    details = usage.prompt_tokens_details
    return Usage(
        prompt_tokens=usage.prompt_tokens or 0,
        completion_tokens=usage.completion_tokens or 0,
        cached_tokens=(details.cached_tokens or 0) if details else 0,
    )
