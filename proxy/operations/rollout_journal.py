"""The journal as the event loop uses it: a disk that hangs costs decisions, never answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from proxy.errors import PolicyError, Problem
from proxy.policy.journal import LOCK_WITHIN_S, Journal
from proxy.policy.rollout import Entry
from proxy.tasks import begin_in_thread

WITHIN_S = LOCK_WITHIN_S + 5.0
"""How long the disk may take; a line is written in milliseconds."""

Unless = Callable[[Sequence[Entry]], bool]
"""Takes all steps, and says whether there is no place for another."""

_T = TypeVar("_T")


class RolloutJournal:
    """Reads and writes off the event loop, one at a time.

    While one of them hangs, as on a dead mount, nothing else is begun.

    Args:
        journal: of the policy folder.
        within_s: how long a step may take.
    """

    def __init__(self, journal: Journal, *, within_s: float = WITHIN_S) -> None:
        self._journal = journal
        self._within_s = within_s
        self._begun: Future[Any] | None = None

    @property
    def known(self) -> tuple[Entry, ...]:
        """The steps as last read; asks no disk."""
        return self._journal.known.entries

    async def read(self) -> tuple[Entry, ...]:
        """Return the steps as they are now.

        Raises:
            PolicyError: the disk does not answer in time.
        """
        return await self._off_loop(lambda: self._journal.read().entries)

    async def append(self, entry: Entry, *, unless: Unless | None = None) -> bool:
        """Add one step; once this returns it survives a crash, and is known here.

        Args:
            entry: the step.
            unless: as for `Journal.append`; asked on another thread, and when the disk is there,
                which may be long after this has given up.

        Returns:
            Whether it was written.

        Raises:
            PolicyError: it could not be written; after a disk that did not answer in time it may
                still be, and then holds as any other.
        """

        def write() -> bool:
            try:
                return self._journal.append(entry, unless=unless)
            finally:
                # A line that came to nothing in the end may have been read while it stood there.
                self._journal.read()

        return await self._off_loop(write)

    async def _off_loop(self, work: Callable[[], _T]) -> _T:
        if self._begun is not None and not self._begun.done():
            raise self._hangs()
        self._begun = begun = begin_in_thread(work, name="rollout-journal")
        try:
            return await asyncio.wait_for(asyncio.wrap_future(begun), self._within_s)
        except TimeoutError:
            raise self._hangs() from None

    def _hangs(self) -> PolicyError:
        message = (
            f"the disk has not answered for {self._within_s:g} s, so that nothing was decided. "
            "Check the mount."
        )
        return PolicyError((Problem(str(self._journal.path), message),))
