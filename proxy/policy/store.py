"""The policies in force, followed through every change of their folder and of its journal."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import TypeVar

from watchfiles import awatch
from watchfiles.main import FileChange

from proxy.policy.folder import scan
from proxy.policy.journal import JOURNAL_NAME, Journal
from proxy.policy.loading import State, advance
from proxy.policy.snapshot import ReloadResult, Snapshot, outcome, with_decisions
from proxy.policy.wording import printable
from proxy.tasks import begin_in_thread

__all__ = ["PolicyStore", "ReloadResult", "Snapshot"]

Listener = Callable[[Snapshot, Snapshot], None]
T = TypeVar("T")

SETTLE_S = 0.1
"""A change is read once the folder has been quiet for this long: files are written in pieces."""

MAX_SETTLE_READS = 30
"""A folder that never rests is read all the same after this many looks."""

_log = logging.getLogger(__name__)


class PolicyStore:
    """Holds the current snapshot and replaces it in one assignment.

    A file that is broken keeps its last good version, an empty or vanished folder keeps all;
    what is wrong is in ``snapshot.problems``. Call :meth:`reload` once before serving.

    Args:
        folder: the policy folder; it need not exist yet.
        poll_interval_s: how often the folder is read where no notification comes, as on network
            file systems; more than 0.
        clock: gives Unix time in seconds.
        journal: the file of rollout steps; by default `JOURNAL_NAME` in the folder.
    """

    def __init__(
        self,
        folder: Path,
        *,
        poll_interval_s: float = 1.0,
        clock: Callable[[], float] = time.time,
        journal: Path | None = None,
    ) -> None:
        self.folder = folder
        self.journal = Journal(journal or folder / JOURNAL_NAME)
        self.last_reload: ReloadResult | None = None
        self._poll_interval_s = poll_interval_s
        self._clock = clock
        self._state = State()
        self._snapshot = self._state.snapshot
        self._digest = ""
        self._listeners: list[Listener] = []
        self._troubles: dict[str, str] = {}
        # Guards the way from reading the folder to the swap: an older reading never replaces a
        # newer one. Readers of `snapshot` need no lock.
        self._lock = threading.Lock()

    @property
    def snapshot(self) -> Snapshot:
        """The policies in force; take it once for each request."""
        return self._snapshot

    def subscribe(self, listener: Listener) -> None:
        """Have ``listener(old, new)`` called after each change of policies or problems.

        It is called where the reload was: on the event loop under :meth:`watch`, else in the
        thread that called :meth:`reload`. It must not raise; what it raises is logged.
        """
        self._listeners.append(listener)

    def reload(self) -> Snapshot:
        """Read the folder now and return the snapshot that is in force after it."""
        change = self._advance()
        if change is not None:
            self._announce(*change)
        return self.snapshot

    async def watch(self) -> None:
        """Follow the folder until cancelled, by notifications and by polling.

        Survives whatever happens to the folder or here: replaced, unmounted, back again, out of
        watches, out of threads.
        """
        while True:
            if not await self._survived(self._follow):
                # The folder is missing, say, or the system has no watches left.
                await self._survived(self._reload_when_quiet)
                await asyncio.sleep(self._poll_interval_s)

    async def _survived(self, work: Callable[[], Awaitable[None]]) -> bool:
        """Return whether the work came to its end; say once why it did not."""
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - changes of the folder must arrive all the same
            # Some are groups: the watcher waits in a task group.
            self._say_once(work.__name__, error)
            return False
        self._troubles.pop(work.__name__, None)
        return True

    def _say_once(self, what: str, error: Exception) -> None:
        # A missing folder is among the snapshot's problems anyway.
        is_said = self._troubles.get(what) == repr(error) or isinstance(error, FileNotFoundError)
        self._troubles[what] = repr(error)
        level = logging.DEBUG if is_said else logging.WARNING
        trace = None if isinstance(error, OSError) else error
        _log.log(level, "policy_watch_unavailable in=%s reason=%r", what, error, exc_info=trace)

    async def _follow(self) -> None:
        """Reload on every notification and at every poll, until the watch has to be set anew."""
        watched = await _off_loop(self._identity)
        async with aclosing(self._changes()) as changes:
            async for _ in changes:
                await self._reload_when_quiet()
                self._troubles.pop(self._follow.__name__, None)
                if await _off_loop(self._identity) != watched:
                    return

    def _changes(self) -> AsyncGenerator[set[FileChange], None]:
        """Yield on each notification, and an empty set after each poll interval without one."""
        return awatch(
            self.folder,
            watch_filter=None,
            step=50,
            debounce=500,
            rust_timeout=max(1, round(self._poll_interval_s * 1000)),
            yield_on_timeout=True,
        )

    async def _reload_when_quiet(self) -> None:
        """Reload once two readings in a row agree; the work is done off the event loop."""
        digest = await _off_loop(self._look)
        for _ in range(MAX_SETTLE_READS):
            if digest == self._digest:
                return
            await asyncio.sleep(SETTLE_S)
            before, digest = digest, await _off_loop(self._look)
            if digest == before:
                break
        change = await _off_loop(self._advance)
        if change is not None:
            self._announce(*change)

    def _look(self) -> str:
        """Return a hash of everything that is read here."""
        return scan(self.folder).digest + self.journal.read().digest

    def _advance(self) -> tuple[Snapshot, Snapshot] | None:
        """Take the folder as it is now; return old and new snapshot if they differ."""
        with self._lock:
            found, steps, now = scan(self.folder), self.journal.read(), self._clock()
            self._state = advance(self._state, found, folder=self.folder, now=now)
            self._digest = found.digest + steps.digest
            old = self._snapshot
            self._snapshot = new = with_decisions(old, self._state.snapshot, steps, now=now)
            if new is old:
                return None
            self.last_reload = outcome(old, new)
            return old, new

    def _announce(self, old: Snapshot, new: Snapshot) -> None:
        summary = outcome(old, new)
        level = logging.WARNING if new.problems or new.warnings else logging.INFO
        said = printable(summary.message)  # a log file is UTF-8
        _log.log(level, "policy_reload result=%s\n%s", summary.result, said)
        for listener in self._listeners:
            try:
                listener(old, new)
            except Exception:  # noqa: BLE001 - one listener's bug must not stop the others
                _log.exception("policy_listener_failed listener=%r", listener)

    def _identity(self) -> tuple[int, int] | None:
        """Return which folder stands at the path: the old watch does not see a new one there."""
        try:
            status = self.folder.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino


async def _off_loop(work: Callable[[], T]) -> T:
    """Wait for the disk in another thread; requests go on, under what was read before."""
    return await asyncio.wrap_future(begin_in_thread(work, name="policy-folder"))
