"""Where a policy's system prompt and demonstrations go in a conversation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from proxy.domain import Message
from proxy.policy.schema import Demonstration, Placement, SystemPrompt

# Tuples, because a client may send a list for a role or a type, and that has no hash.
SYSTEM_ROLES = ("system", "developer")
_BETWEEN = "\n\n"

_OF_THE_MODEL = ("reasoning", "function_call", "custom_tool_call")
"""Items of the Responses API without a role that servers join to the assistant's message beside."""


def place(
    messages: Sequence[Message], prompt: SystemPrompt | None, turns: Sequence[Message]
) -> tuple[Message, ...]:
    """Return the conversation with the prompt placed and the turns after the system messages.

    The policy's text joins the client's own message, in whatever form and role that has, because
    many chat templates take one system message only.

    Args:
        messages: the client's; not changed, and returned itself where nothing is added.
        prompt: the policy's system prompt, if it has one.
        turns: its demonstrations, as :func:`as_turns` gives them.
    """
    placed = messages if prompt is None else _with_prompt(messages, prompt)
    if not turns:
        return tuple(placed)
    head = leading_system_messages(placed)
    return (*placed[:head], *turns, *placed[head:])


def as_turns(demonstrations: Sequence[Demonstration]) -> tuple[Message, ...]:
    """Return demonstrations as messages, user and assistant by turns."""
    turns: list[Message] = []
    for shown in demonstrations:
        turns.append({"role": "user", "content": shown.user})
        turns.append({"role": "assistant", "content": shown.assistant})
    return tuple(turns)


def without_prefill(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Return the conversation without what the model has said last, which a backend would continue.

    All of it: dropping only the last message would make a prefill of the one before.
    """
    end = len(messages)
    while end and _is_the_models(messages[end - 1]):
        end -= 1
    return messages if end == len(messages) else messages[:end]


def _is_the_models(message: Message) -> bool:
    return message.get("role") == "assistant" or message.get("type") in _OF_THE_MODEL


def leading_system_messages(messages: Sequence[Message]) -> int:
    """Return how many messages at the start are system or developer messages."""
    count = 0
    while count < len(messages) and is_system(messages[count]):
        count += 1
    return count


def is_system(message: Message) -> bool:
    """Whether a message instructs the model on the operator's behalf."""
    return message.get("role") in SYSTEM_ROLES


def _with_prompt(messages: Sequence[Message], prompt: SystemPrompt) -> Sequence[Message]:
    placement: Placement = prompt.placement
    own: Message = {"role": "system", "content": prompt.text}
    if placement == "replace":
        return [own, *(message for message in messages if not is_system(message))]
    if placement == "if_absent":
        return messages if any(map(is_system, messages)) else [own, *messages]
    head = leading_system_messages(messages)
    if head == 0:
        return [own, *messages]
    at = 0 if placement == "prepend" else head - 1
    joined = _joined(messages[at], prompt.text, is_first=placement == "prepend")
    return [*messages[:at], joined, *messages[at + 1 :]]


def _joined(message: Message, text: str, *, is_first: bool) -> Message:
    """Return a copy of the client's message with the policy's text before or after its own."""
    content: Any = message.get("content")
    if isinstance(content, list):
        part = {"type": "text", "text": text + _BETWEEN if is_first else _BETWEEN + text}
        content = [part, *content] if is_first else [*content, part]
    elif isinstance(content, str) and content:
        content = text + _BETWEEN + content if is_first else content + _BETWEEN + text
    else:
        content = text
    return {**message, "content": content}
