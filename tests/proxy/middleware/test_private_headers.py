"""Headers that are ours alone."""

from __future__ import annotations

import pytest

from proxy.middleware.private_headers import has_ours, without_ours
from proxy.wire.facts import fields_of
from tests.asgi import scope_of


def test_only_the_conversation_comes_in() -> None:
    """A client cannot pretend that a policy was applied."""
    headers = [
        ("x-guardtune-policy", "forged@0"),
        ("X-GuardTune-Ignored", "all"),
        ("x-guardtune-conversation", "c1"),
        ("accept", "*/*"),
    ]
    scope = without_ours(scope_of(headers=headers))
    assert scope["headers"] == [(b"x-guardtune-conversation", b"c1"), (b"accept", b"*/*")]


@pytest.mark.parametrize(
    ("name", "is_ours"), [("x-guardtune-policy", True), ("X-GuardTune-X", True), ("accept", False)]
)
def test_request_without_one_is_left_alone(name: str, *, is_ours: bool) -> None:
    """Nearly all are."""
    scope = scope_of(headers=[("host", "h"), (name, "v"), ("user-agent", "x-guardtune-policy")])
    assert has_ours(fields_of(scope["headers"])) == is_ours
