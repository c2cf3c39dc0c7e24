"""What is known of a request travels in its scope."""

from __future__ import annotations

from proxy.wire.facts import MAX_CONVERSATION_CHARS, conversation_of, facts_of, header
from tests.asgi import scope_of


def test_every_layer_sees_the_same_facts() -> None:
    """What an inner layer adds, the access log reads."""
    scope = scope_of()
    facts_of(scope).log["model"] = "m"
    assert facts_of(scope).log == {"model": "m"}


def test_facts_survive_a_copied_scope() -> None:
    """Middleware may replace the scope by a changed copy."""
    scope = scope_of()
    facts = facts_of(scope)
    assert facts_of({**scope, "headers": []}) is facts


def test_header_is_found_by_its_lower_case_name() -> None:
    """ASGI has names in lower case and values as bytes."""
    scope = scope_of(headers=[("X-Thing", "a"), ("x-thing", "b")])
    assert header(scope, b"x-thing") == "a"
    assert header(scope, b"x-other") is None


def test_conversation_is_what_the_client_calls_it() -> None:
    """Cut, where it is longer than anybody needs."""
    assert conversation_of(scope_of()) is None
    sent = scope_of(headers=[("X-GuardTune-Conversation", "c" * 1000)])
    assert conversation_of(sent) == "c" * MAX_CONVERSATION_CHARS
