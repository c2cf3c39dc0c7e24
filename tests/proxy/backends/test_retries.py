"""Whether and when to ask again."""

from __future__ import annotations

import pytest

from proxy.backends.config import RetriesConfig
from proxy.backends.retries import Retry, after_failure, after_status
from proxy.errors import UpstreamError

TWICE = RetriesConfig(max_retries=2, max_wait_s=5.0)


def _failure(error_type: str, *, is_sent: bool = False) -> UpstreamError:
    return UpstreamError("It failed.", error_type=error_type, is_sent=is_sent)


@pytest.mark.parametrize("error_type", ["connect", "timeout", "closed"])
def test_connection_that_could_not_be_made_is_tried_again(error_type: str) -> None:
    """After a pause that doubles, as often as configured."""
    retries = [after_failure(_failure(error_type), n, TWICE) for n in range(3)]
    assert retries == [Retry("connect", 0.1), Retry("connect", 0.2), None]


def test_request_that_the_server_may_have_seen_is_not_sent_again() -> None:
    """It may be generating already; and a request that cannot be sent cannot be sent again."""
    assert after_failure(_failure("timeout", is_sent=True), 0, TWICE) is None
    assert after_failure(_failure("protocol"), 0, TWICE) is None


def test_pause_before_connecting_is_bounded() -> None:
    """By the same limit."""
    limits = RetriesConfig(max_retries=9, max_wait_s=0.15)
    assert after_failure(_failure("connect"), 8, limits) == Retry("connect", 0.15)


@pytest.mark.parametrize(
    ("status", "headers", "retry"),
    [
        (429, {b"retry-after": b"2"}, Retry("status_429", 2.0)),
        (503, {b"retry-after": b" 0 "}, Retry("status_503", 0.0)),
        (503, {b"retry-after-ms": b"250", b"retry-after": b"1"}, Retry("status_503", 0.25)),
        (429, {}, None),
        (429, {b"retry-after": b"6"}, None),
        (429, {b"retry-after": b"Sat, 28 Nov 2026 13:00:00 GMT"}, None),
        (429, {b"retry-after": b"-1"}, None),
        (429, {b"retry-after": b"9" * 5000}, None),
        (500, {b"retry-after": b"1"}, None),
        (502, {b"retry-after": b"1"}, None),
    ],
)
def test_server_that_turns_away_is_asked_when_it_says(
    status: int, headers: dict[bytes, bytes], retry: Retry | None
) -> None:
    """Where it says nothing that can be heeded, its answer passes."""
    assert after_status(status, headers, 0, TWICE) == retry


def test_number_of_retries_is_bounded() -> None:
    """However politely the server asks."""
    assert after_status(429, {b"retry-after": b"0"}, 2, TWICE) is None
    assert after_status(429, {b"retry-after": b"0"}, 0, RetriesConfig(max_retries=0)) is None
