"""Policies as another process reads them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from proxy.policy.followed import FollowedStore
from proxy.policy.snapshot import Snapshot
from proxy.policy.store import PolicyStore
from proxy.tasks import cancel, spawn
from tests.edge import write_policy


def test_first_snapshot_is_taken_over_once(tmp_path: Path) -> None:
    """As `PolicyWatch` does it with every store."""
    write_policy(tmp_path, "careful")
    first = PolicyStore(tmp_path).reload()
    store, seen = FollowedStore(tmp_path, first), list[tuple[int, int]]()
    store.subscribe(lambda old, new: seen.append((old.number, new.number)))
    assert store.reload() is first
    assert store.reload() is first
    assert seen == [(0, first.number)]
    assert store.last_reload is None


def test_last_good_version_is_kept_though_the_file_is_broken(tmp_path: Path) -> None:
    """A worker that is started now guards like those that were there before."""
    path = write_policy(tmp_path, "careful")
    reader = PolicyStore(tmp_path)
    reader.reload()
    path.write_text("schema: 1\nname: careful\nnonsense: 1\n", encoding="utf-8")
    store = FollowedStore(tmp_path, reader.reload())
    store.reload()
    assert [policy.name for policy in store.snapshot.policies] == ["careful"]
    assert store.snapshot.problems


def test_what_is_told_is_in_force_and_told_on(tmp_path: Path) -> None:
    """Old and new, as from a store that reads."""
    first, second = Snapshot(number=1), Snapshot(number=2)
    store, seen = FollowedStore(tmp_path, first), list[tuple[Snapshot, Snapshot]]()
    store.reload()
    store.subscribe(lambda old, new: seen.append((old, new)))
    store.follow(second)
    assert store.snapshot is second
    assert seen == [(first, second)]


def test_folder_is_not_watched(tmp_path: Path) -> None:
    """Whatever happens there, until it is told."""

    async def act() -> None:
        store = FollowedStore(tmp_path, Snapshot(number=1))
        store.reload()
        watching = spawn(store.watch(), name="watch")
        write_policy(tmp_path, "careful")
        await asyncio.sleep(0)
        assert not watching.done()
        assert store.reload().policies == ()
        await cancel(watching)

    asyncio.run(act())
