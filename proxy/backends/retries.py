"""Whether a request that got no answer may be sent again, and when.

Only where that is safe: nothing has been generated, since the server has not seen the request, or
has turned it away and says when to come back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from proxy.backends.config import RetriesConfig
from proxy.errors import UpstreamError

Reason = Literal["connect", "status_429", "status_503"]
"""A closed set, used as a metric label."""

RETRIED: Mapping[int, Reason] = {429: "status_429", 503: "status_503"}
"""Statuses that can mean: not now, and nothing has been done."""

CONNECT_PAUSE_S = 0.1
"""Before the first attempt to connect again; doubled with each further one."""


@dataclass(frozen=True, slots=True)
class Retry:
    """One more attempt.

    Args:
        reason: what the one before it met.
        pause_s: how long to wait before it, in seconds.
    """

    reason: Reason
    pause_s: float


def after_failure(error: UpstreamError, n_retries: int, limits: RetriesConfig) -> Retry | None:
    """Say whether to connect again.

    Args:
        error: why there was no answer.
        n_retries: how often it has been tried again already.
        limits: the model's.
    """
    if error.is_sent or error.error_type == "protocol" or n_retries >= limits.max_retries:
        return None
    return Retry("connect", min(CONNECT_PAUSE_S * 2**n_retries, limits.max_wait_s))


def after_status(
    status: int, headers: Mapping[bytes, bytes], n_retries: int, limits: RetriesConfig
) -> Retry | None:
    """Say whether to ask again a server that has turned the request away.

    Args:
        status: of its answer.
        headers: of its answer, by lower-case names. Without a readable ``retry-after``, or with one
            beyond the limit, there is no other attempt: the client decides then.
        n_retries: how often it has been tried again already.
        limits: the model's.
    """
    if status not in RETRIED or n_retries >= limits.max_retries:
        return None
    pause_s = _pause_s(headers)
    if pause_s is None or pause_s > limits.max_wait_s:
        return None
    return Retry(RETRIED[status], pause_s)


def uncounted(_reason: Reason) -> None:
    """Whom a backend tells of its retries while nobody else wants to know."""


def _pause_s(headers: Mapping[bytes, bytes]) -> float | None:
    """Read OpenAI's milliseconds, else seconds; a date would depend on two clocks."""
    for name, per_second in ((b"retry-after-ms", 1000), (b"retry-after", 1)):
        text = headers.get(name, b"").strip()
        if text.isdigit() and len(text) < 10:  # noqa: PLR2004 - enough for thirty years, and no huge number
            return int(text) / per_second
    return None
