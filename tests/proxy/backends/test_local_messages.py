from __future__ import annotations

from typing import Any

import pytest

from proxy.backends.local_messages import plain_messages
from proxy.errors import RequestError


def test_roles_and_parts_become_what_templates_know() -> None:
    """`developer` is OpenAI's newer name for `system`; text parts are joined."""
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    assert plain_messages([
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": parts, "name": "ann"},
        {"role": "assistant", "content": None},
    ]) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "one\ntwo"},
        {"role": "assistant", "content": ""},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("message", "param", "message_part"),
    [
        ({"role": "wizard", "content": "x"}, "messages[1].role", "must be one of"),
        ({"content": "x"}, "messages[1].role", "must be one of"),
        ({"role": ["user"], "content": "x"}, "messages[1].role", "must be one of"),
        ({"role": "user"}, "messages[1].content", "string or a list"),
        ({"role": "user", "content": 5}, "messages[1].content", "string or a list"),
        ({"role": "function", "content": "x"}, "messages[1].role", "must be one of"),
        ({"role": "assistant", "tool_calls": 5}, "messages[1].tool_calls", "must be a list"),
        (
            {"role": "assistant", "tool_calls": [{}]},
            "messages[1].tool_calls[0].function",
            "must have a name",
        ),
        (
            {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{"}}]},
            "messages[1].tool_calls[0].function.arguments",
            "JSON object",
        ),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]},
            "messages[1].content[0]",
            "only parts of type text",
        ),
        ({"role": "user", "content": ["x"]}, "messages[1].content[0]", "only parts"),
        (
            {"role": "user", "content": [{"type": "text", "text": 5}]},
            "messages[1].content[0].text",
            "must be a string",
        ),
    ],
)
def test_unusable_message_is_refused_by_its_place(
    message: dict[str, Any], param: str, message_part: str
) -> None:
    """The client learns which message and what is wrong with it."""
    with pytest.raises(RequestError, match=message_part) as caught:
        plain_messages([{"role": "user", "content": "fine"}, message])
    assert caught.value.param == param
    assert caught.value.status == 400


def test_calls_and_results_keep_what_templates_need() -> None:
    """Arguments as objects: templates write them as JSON themselves."""
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    assert plain_messages([
        {"role": "assistant", "content": None, "tool_calls": [call], "reasoning_content": "Hm."},
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "2"}]},
    ]) == [
        {
            "role": "assistant", "content": "", "reasoning_content": "Hm.",
            "tool_calls": [{**call, "function": {"name": "f", "arguments": {"a": 1}}}],
        },
        {"role": "tool", "content": "2", "tool_call_id": "c1"},
    ]  # fmt: skip


def test_no_messages_are_refused() -> None:
    """There is nothing to answer."""
    with pytest.raises(RequestError, match="at least one"):
        plain_messages([])
