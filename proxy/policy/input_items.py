"""A policy's prompt and demonstrations in a request of the Responses API.

Its conversation is ``instructions``, a text, and ``input``, a text or a list of items of which only
some are messages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from proxy.domain import Message
from proxy.policy.placement import is_system, place, without_prefill
from proxy.policy.schema import SystemPrompt


def conversation_of(fields: Mapping[str, Any]) -> tuple[Message, ...]:
    """Return what a request asks as messages: its instructions as the system's, then its items."""
    given = fields.get("input")
    items = ({"role": "user", "content": given},) if isinstance(given, str) else tuple(given or ())
    instructions = fields.get("instructions")
    return ({"role": "system", "content": instructions}, *items) if instructions else items


def instruct(
    fields: Mapping[str, Any],
    prompt: SystemPrompt | None,
    turns: Sequence[Message],
    *,
    drops_prefill: bool,
) -> tuple[Mapping[str, Any], bool]:
    """Place a policy's prompt and turns.

    The prompt goes to ``instructions``, which no stored conversation carries over to the next
    answer; only where a client has written its system message into ``input`` does it join that.

    Args:
        fields: the request's; not changed.
        prompt: the policy's system prompt, if it has one.
        turns: its demonstrations.
        drops_prefill: whether trailing assistant messages are left out.

    Returns:
        The fields, the same object where nothing changed; and whether messages were left out.
    """
    given = conversation_of(fields)
    kept = without_prefill(given) if drops_prefill else given
    placed = place(kept, prompt, turns)
    if placed == given:
        return fields, False
    in_input = not fields.get("instructions") and bool(given) and is_system(given[0])
    changed = dict(fields)
    if placed and is_system(placed[0]) and not in_input:
        changed["instructions"] = placed[0]["content"]
        placed = placed[1:]
    changed["input"] = [_item(message) for message in placed]
    return changed, kept is not given


def as_input_turns(turns: Sequence[Message]) -> tuple[Message, ...]:
    """Return demonstrations as items whose assistant's turns are lists of parts.

    llama-server knows an assistant's message by nothing else.
    """
    return tuple(_output(turn) if turn["role"] == "assistant" else turn for turn in turns)


def _output(turn: Message) -> Message:
    part = {"type": "output_text", "text": turn["content"], "annotations": []}
    return {"type": "message", "role": "assistant", "content": [part]}


def _item(message: Message) -> Message:
    """Return a system message with its text parts under the name that they have here."""
    content = message.get("content")
    if not is_system(message) or not isinstance(content, list):
        return message
    return {**message, "content": [_part(part) for part in content]}


def _part(part: Any) -> Any:
    is_text = isinstance(part, Mapping) and part.get("type") == "text"
    return {**part, "type": "input_text"} if is_text else part
