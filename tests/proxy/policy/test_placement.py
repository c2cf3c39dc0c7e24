"""Where prompt and demonstrations go."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.domain import Message
from proxy.policy.placement import as_turns, place, without_prefill
from proxy.policy.schema import Demonstration, Placement, SystemPrompt

TURNS = as_turns([Demonstration(user="Q", assistant="A")])
Pairs = list[tuple[str, Any]]


def messages(*pairs: tuple[str, Any]) -> tuple[Message, ...]:
    """Messages from (role, content)."""
    return tuple({"role": role, "content": content} for role, content in pairs)


def placed(placement: Placement, *pairs: tuple[str, Any]) -> Pairs:
    """The conversation with `P` placed, as (role, content)."""
    prompt = SystemPrompt(text="P", placement=placement)
    return [(m["role"], m["content"]) for m in place(messages(*pairs), prompt, ())]


@pytest.mark.parametrize(
    ("placement", "pairs", "expected"),
    [
        ("prepend", [("user", "u")], [("system", "P"), ("user", "u")]),
        ("append", [("user", "u")], [("system", "P"), ("user", "u")]),
        ("replace", [("user", "u")], [("system", "P"), ("user", "u")]),
        ("if_absent", [("user", "u")], [("system", "P"), ("user", "u")]),
        ("prepend", [("system", "s"), ("user", "u")], [("system", "P\n\ns"), ("user", "u")]),
        ("append", [("system", "s"), ("user", "u")], [("system", "s\n\nP"), ("user", "u")]),
        ("replace", [("system", "s"), ("user", "u")], [("system", "P"), ("user", "u")]),
        ("if_absent", [("system", "s"), ("user", "u")], [("system", "s"), ("user", "u")]),
        ("prepend", [("developer", "s")], [("developer", "P\n\ns")]),
        (
            "append",
            [("system", "s"), ("developer", "d")],
            [("system", "s"), ("developer", "d\n\nP")],
        ),
        ("prepend", [("system", "s"), ("system", "t")], [("system", "P\n\ns"), ("system", "t")]),
        (
            "replace",
            [("system", "s"), ("user", "u"), ("developer", "d")],
            [("system", "P"), ("user", "u")],
        ),
        ("if_absent", [("user", "u"), ("system", "s")], [("user", "u"), ("system", "s")]),
        (
            "prepend",
            [("user", "u"), ("system", "s")],
            [("system", "P"), ("user", "u"), ("system", "s")],
        ),
        ("prepend", [("system", None), ("user", "u")], [("system", "P"), ("user", "u")]),
        ("append", [("system", ""), ("user", "u")], [("system", "P"), ("user", "u")]),
        ("prepend", [], [("system", "P")]),
    ],
)
def test_each_placement_towards_the_clients_own_messages(
    placement: Placement, pairs: Pairs, expected: Pairs
) -> None:
    """System and developer messages count alike, and one message stays one message."""
    assert placed(placement, *pairs) == expected


def test_content_parts_stay_parts() -> None:
    """Other parts and keys of the message survive."""
    parts = [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}]
    assert placed("prepend", ("system", parts)) == [
        ("system", [{"type": "text", "text": "P\n\n"}, *parts])
    ]
    assert placed("append", ("system", parts)) == [
        ("system", [*parts, {"type": "text", "text": "\n\nP"}])
    ]


def test_the_clients_messages_are_not_changed() -> None:
    """They are shared with the log, the judge and a retry."""
    own: dict[str, Any] = {
        "role": "system",
        "content": [{"type": "text", "text": "s"}],
        "name": "n",
    }
    changed = place((own,), SystemPrompt(text="P"), ())
    assert own["content"] == [{"type": "text", "text": "s"}]
    assert changed[0]["name"] == "n"


def test_demonstrations_follow_the_system_messages() -> None:
    """Before anything that was really said."""
    given = messages(("system", "s"), ("developer", "d"), ("user", "u"))
    roles = [(m["role"], m["content"]) for m in place(given, None, TURNS)]
    assert roles[2:] == [("user", "Q"), ("assistant", "A"), ("user", "u")]


def test_a_conversation_that_nothing_is_added_to_stays_the_same_object() -> None:
    """So that its bytes can be forwarded as they came."""
    given = messages(("system", "s"), ("user", "u"))
    assert place(given, SystemPrompt(text="P", placement="if_absent"), ()) is given


@pytest.mark.parametrize("placement", ["replace", "if_absent"])
def test_placing_again_changes_nothing_more(placement: Placement) -> None:
    """These two placements are idempotent; the others add their text each time."""
    once = place(messages(("user", "u")), SystemPrompt(text="P", placement=placement), ())
    assert place(once, SystemPrompt(text="P", placement=placement), ()) == once


@pytest.mark.parametrize(
    ("roles", "kept"),
    [("ua", "u"), ("uaa", "u"), ("uau", "uau"), ("a", ""), ("", ""), ("uta", "ut")],
)
def test_every_trailing_assistant_message_goes(roles: str, kept: str) -> None:
    """Dropping only the last would make a prefill of the one before."""
    names = {"u": "user", "a": "assistant", "t": "tool"}
    given = messages(*[(names[role], "x") for role in roles])
    assert len(without_prefill(given)) == len(kept)


def test_a_conversation_without_prefill_stays_the_same_object() -> None:
    """Nothing to drop, nothing to copy."""
    given = messages(("user", "u"))
    assert without_prefill(given) is given


@pytest.mark.parametrize("odd", [[], {}, 1, None])
def test_role_or_type_that_is_no_word_is_nobodys(odd: Any) -> None:
    """The client's message stays as it is; what becomes of it is the server's business."""
    messages = ({"role": odd, "content": "x"}, {"role": "user", "content": "u", "type": odd})
    assert without_prefill(messages) is messages
    assert place(messages, SystemPrompt(text="P"), ())[1:] == messages
