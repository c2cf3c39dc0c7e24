"""Request ids."""

from __future__ import annotations

import pytest

from proxy.middleware.request_id import request_id


def test_sane_id_of_the_client_is_taken_over() -> None:
    """So that a user can find their request in our log."""
    assert request_id(b"abc-1") == "abc-1"


@pytest.mark.parametrize("sent", ["", "a b", "a\tb", "a\n", "x" * 129, "é"])
def test_other_ids_are_replaced(sent: str) -> None:
    """It would end in logs and headers."""
    assert request_id(sent.encode()).startswith("req-")


def test_made_ids_differ() -> None:
    """Two requests are never one in the log."""
    assert request_id(None) != request_id(None)
