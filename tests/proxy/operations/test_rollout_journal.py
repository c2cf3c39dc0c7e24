"""The journal off the event loop: disks that hang, and what is known meanwhile."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from proxy.errors import PolicyError
from proxy.operations.rollout_journal import RolloutJournal
from proxy.policy.journal import Journal
from proxy.policy.rollout import Reading
from proxy.policy.schema import Policy
from tests.proxy.policy.rollout_steps import step

POLICY = Policy.model_validate({"schema": 1, "name": "a"})
ENTRY = step("rollback", POLICY)
GIVE_UP_S = 30.0


class _Slow(Journal):
    """A journal whose disk answers when the test lets it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.disk = threading.Event()
        self.read_by = ""

    def read(self) -> Reading:
        self.disk.wait(GIVE_UP_S)
        self.read_by = threading.current_thread().name
        return super().read()


@pytest.fixture(name="journal")
def _journal(tmp_path: Path) -> _Slow:
    return _Slow(tmp_path / "journal.jsonl")


def _n_at_the_disk() -> int:
    """Threads of journals; those of other tests' servers are none of our business."""
    return sum(thread.name == "rollout-journal" for thread in threading.enumerate())


def test_step_is_known_once_it_is_written(journal: _Slow) -> None:
    """And the disk was asked by another thread than the event loop's."""
    journal.disk.set()

    async def act() -> None:
        steps = RolloutJournal(journal)
        assert steps.known == ()
        await steps.append(ENTRY)
        assert steps.known == await steps.read() == (ENTRY,)

    asyncio.run(act())
    assert journal.read_by == "rollout-journal"


def test_step_that_another_has_overtaken_is_not_written(journal: _Slow) -> None:
    """As the journal is then, not as it was when the step was made."""
    journal.disk.set()

    async def act() -> None:
        steps = RolloutJournal(journal)
        assert await steps.append(ENTRY, unless=bool)
        assert not await steps.append(ENTRY, unless=bool)
        assert steps.known == (ENTRY,)

    asyncio.run(act())


def test_disk_that_hangs_is_not_waited_for(journal: _Slow) -> None:
    """Nor is it asked again while it does, and what is known stays known."""

    async def act() -> None:
        steps = RolloutJournal(journal, within_s=0.01)
        for _ in range(3):
            with pytest.raises(PolicyError, match=r"has not answered for 0\.01 s.*mount"):
                await steps.read()
        assert _n_at_the_disk() == 1
        assert steps.known == ()
        journal.disk.set()
        while _n_at_the_disk():  # noqa: ASYNC110 - another thread's end
            await asyncio.sleep(0.001)
        assert await steps.read() == ()

    asyncio.run(act())


def test_journal_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """With the journal's own words."""

    async def act() -> None:
        steps = RolloutJournal(Journal(tmp_path / "missing" / "journal.jsonl"))
        with pytest.raises(PolicyError, match=r"rollout\.journal"):
            await steps.append(ENTRY)

    asyncio.run(act())
