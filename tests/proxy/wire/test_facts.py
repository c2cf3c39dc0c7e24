"""What is known of a request travels in its scope."""

from __future__ import annotations

import pytest

from proxy.wire.facts import (
    MAX_CONVERSATION_CHARS,
    conversation_of,
    facts_of,
    fields_of,
    route_path,
)
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


def test_first_header_of_a_name_counts() -> None:
    """ASGI has names in lower case and values as bytes."""
    fields = fields_of([(b"x-thing", b"a"), (b"x-other", b"c"), (b"x-thing", b"b")])
    assert fields == {b"x-thing": b"a", b"x-other": b"c"}


def test_conversation_is_what_the_client_calls_it() -> None:
    """Cut, where it is longer than anybody needs."""
    assert conversation_of({}) is None
    sent = {b"x-guardtune-conversation": b"c" * 1000}
    assert conversation_of(sent) == "c" * MAX_CONVERSATION_CHARS


@pytest.mark.parametrize(
    ("root_path", "path", "route"),
    [
        ("", "/policies", "/policies"),
        ("/llm", "/llm/policies", "/policies"),
        ("/llm", "/llm", ""),
        ("/llm", "/policies", "/policies"),
        ("/llm", "/llmx/policies", "/llmx/policies"),
    ],
)
def test_path_is_the_routers(root_path: str, path: str, route: str) -> None:
    """Whatever the server has put before it."""
    scope = {**scope_of(path=path), "root_path": root_path}
    assert facts_of(scope).path == route_path(scope) == route
