"""The seam between answers and whatever judges them: :class:`Judge`."""

from __future__ import annotations

from typing import Protocol

from proxy.domain import Exchange, Verdict


class Judge(Protocol):
    """Decides on one (request, answer) pair.

    A judge that fails returns ``Verdict(status="unscored", reason=…)``; it raises only for a bug.
    """

    @property
    def judge_id(self) -> str:
        """Name and version, such as ``embedded-3@3f2a9c`` (of the asset's content)."""

    async def start(self) -> None:
        """Load what is needed; slow work happens here and off the event loop."""

    async def judge(self, exchange: Exchange) -> Verdict:
        """Judge one exchange; CPU-bound judges run off the event loop."""

    async def close(self) -> None:
        """Release what ``start`` took; safe to call twice."""
