"""The policies of a process that is told what is in force, instead of reading the folder.

The workers of one server must not each read for themselves: one that is started while a file is
broken would not have its last good version, and guard less than the others.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from proxy.policy.snapshot import Snapshot
from proxy.policy.store import Listener, PolicyStore


class FollowedStore(PolicyStore):
    """A store whose snapshots another process reads; it reloads nothing and logs nothing.

    Args:
        folder: the other process's.
        first: what is in force at the start.
    """

    def __init__(self, folder: Path, first: Snapshot) -> None:
        super().__init__(folder)
        self._first = first
        self._told = Snapshot()
        self._followers: list[Listener] = []

    @property
    def snapshot(self) -> Snapshot:
        """The policies in force, as last told."""
        return self._told

    def subscribe(self, listener: Listener) -> None:
        """Have ``listener(old, new)`` called with each snapshot; it must not raise."""
        self._followers.append(listener)

    def reload(self) -> Snapshot:
        """Take over the first snapshot; later ones come by `follow`."""
        if self._told.number == 0:
            self.follow(self._first)
        return self._told

    async def watch(self) -> None:
        """Wait until cancelled."""
        await asyncio.Event().wait()

    def follow(self, snapshot: Snapshot) -> None:
        """Swap, and tell the listeners; call it on the event loop."""
        old, self._told = self._told, snapshot
        for listener in self._followers:
            listener(old, snapshot)
