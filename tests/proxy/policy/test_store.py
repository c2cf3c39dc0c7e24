"""The store on a real folder: everything that editors, shells and Kubernetes do to it."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import random
import shutil
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from proxy.policy import store as store_module
from proxy.policy.journal import Journal
from proxy.policy.snapshot import Snapshot
from proxy.policy.source import load_policy
from proxy.policy.store import PolicyStore
from proxy.tasks import cancel, spawn
from tests.proxy.policy.rollout_steps import step

PATIENCE_S = 30.0
"""A test that waits this long has failed; on a healthy machine each step takes a few tenths."""


def content(name: str, temperature: float = 0.5, *, priority: int = 0) -> str:
    """A policy file in flow style, of which no beginning is a policy by itself."""
    return (
        f'{{"schema": 1, "match": {{"priority": {priority}}}, '
        f'"decoding": {{"temperature": {temperature}}}, "name": "{name}"}}\n'
    )


def replace(path: Path, text: str) -> None:
    """Replace a file as careful programs do, by renaming a new one over it."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text)
    temporary.replace(path)


def make_again(folder: Path, text: str) -> None:
    """Make a folder anew with one policy file."""
    folder.mkdir()
    (folder / "a.yaml").write_text(text)


def refuse(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Have a folder not be listed; permissions alone do not stop root."""
    list_it = os.scandir

    def scandir(path: str | Path) -> object:
        if Path(path) == folder:
            raise OSError(errno.ESTALE, "Stale file handle", str(path))
        return list_it(path)

    monkeypatch.setattr(os, "scandir", scandir)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty policy folder."""
    path = tmp_path / "policies"
    path.mkdir()
    return path


class Watched:
    """A store that is being watched, and its changes."""

    def __init__(self, store: PolicyStore) -> None:
        self.store = store
        self._changed = asyncio.Event()
        store.subscribe(lambda old, new: self._changed.set())

    async def until(self, condition: Callable[[Snapshot], bool]) -> Snapshot:
        """Wait until a snapshot meets the condition."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition(self.store.snapshot):
                self._changed.clear()
                await self._changed.wait()
        return self.store.snapshot

    async def until_temperature(self, name: str, temperature: float) -> None:
        """Wait until a policy is in force with this temperature."""
        wanted = load_policy(Path("x"), root=Path(), text=content(name, temperature)).ref
        await self.until(lambda snapshot: str(wanted) in snapshot.refs)


@asynccontextmanager
async def watching(folder: Path, *, poll_interval_s: float = 0.05) -> AsyncIterator[Watched]:
    """Watch a folder for the length of a test."""
    store = PolicyStore(folder, poll_interval_s=poll_interval_s)
    watched = Watched(store)
    store.reload()
    task = spawn(store.watch(), name="watch")
    try:
        yield watched
    finally:
        await cancel(task)


def test_a_first_reload_takes_the_folder(folder: Path) -> None:
    """At the time of the clock."""
    (folder / "a.yaml").write_text(content("a"))
    store = PolicyStore(folder, clock=lambda: 123.0)
    snapshot = store.reload()
    assert [policy.name for policy in snapshot.policies] == ["a"]
    assert snapshot.loaded_at == 123.0
    assert store.last_reload is not None
    assert store.last_reload.result == "loaded"


def test_without_a_folder_nothing_is_in_force_and_that_is_a_problem(tmp_path: Path) -> None:
    """Starting is not refused: the folder may come later."""
    snapshot = PolicyStore(tmp_path / "none").reload()
    assert snapshot.policies == ()
    assert "no such folder" in str(snapshot.problems[0])


def test_a_reload_without_a_change_keeps_the_snapshot(folder: Path) -> None:
    """The very object, and nobody is told."""
    (folder / "a.yaml").write_text(content("a"))
    store = PolicyStore(folder)
    first = store.reload()
    told: list[Snapshot] = []
    store.subscribe(lambda old, new: told.append(new))
    os.utime(folder / "a.yaml", (0, 0))
    assert store.reload() is first
    assert told == []


def test_listeners_get_old_and_new_and_do_not_disturb_each_other(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The bug of one is logged, the next is called all the same."""
    store = PolicyStore(folder)
    told: list[tuple[int, int]] = []

    def broken(old: Snapshot, new: Snapshot) -> None:
        raise RuntimeError("listener")

    store.subscribe(broken)
    store.subscribe(lambda old, new: told.append((old.number, new.number)))
    with caplog.at_level(logging.WARNING):
        store.reload()
    assert told == [(0, 1)]
    assert "policy_listener_failed" in caplog.text
    assert "policy_reload result=failed" in caplog.text


def test_a_text_that_a_policy_names_is_followed(folder: Path) -> None:
    """Its change is a change of the policy; its loss keeps the last good version."""
    (folder / "prompt.md").write_text("One.")
    (folder / "a.yaml").write_text("schema: 1\nname: a\nsystem_prompt: {file: prompt.md}\n")
    store = PolicyStore(folder)

    def text() -> str:
        prompt = store.reload().policies[0].system_prompt
        assert prompt is not None
        return prompt.text

    assert text() == "One."
    (folder / "prompt.md").write_text("Two.")
    assert text() == "Two."
    (folder / "prompt.md").unlink()
    assert text() == "Two."
    assert "no such file" in str(store.snapshot.problems[0])


def test_an_edit_in_place_an_atomic_one_and_a_deletion_are_followed(folder: Path) -> None:
    """What editors and the tuner do."""

    async def scenario() -> None:
        async with watching(folder) as watched:
            (folder / "a.yaml").write_text(content("a", 0.1))
            await watched.until_temperature("a", 0.1)
            (folder / "a.yaml").write_text(content("a", 0.2))
            await watched.until_temperature("a", 0.2)
            replace(folder / "a.yaml", content("a", 0.3))
            await watched.until_temperature("a", 0.3)
            (folder / "tuned").mkdir()
            replace(folder / "tuned" / "b.yaml", content("b", 0.4))
            await watched.until_temperature("b", 0.4)
            (folder / "a.yaml").unlink()
            await watched.until(lambda now: now.find("a") is None)

    asyncio.run(scenario())


def test_a_half_written_file_is_waited_for(folder: Path) -> None:
    """The old version serves until the new one is whole."""

    async def scenario() -> None:
        (folder / "a.yaml").write_text(content("a", 0.1))
        async with watching(folder) as watched:
            (folder / "a.yaml").write_text(content("a", 0.2)[:30])
            broken = await watched.until(lambda now: bool(now.problems))
            assert [policy.name for policy in broken.policies] == ["a"]
            (folder / "a.yaml").write_text(content("a", 0.2))
            await watched.until_temperature("a", 0.2)
            assert watched.store.snapshot.problems == ()

    asyncio.run(scenario())


def test_a_config_map_swap_is_followed(folder: Path) -> None:
    """Kubernetes writes a new folder and renames the link `..data` over the old one."""

    def publish(moment: str, temperature: float) -> None:
        (folder / moment).mkdir()
        (folder / moment / "a.yaml").write_text(content("a", temperature))
        (folder / "..data_tmp").symlink_to(moment)
        (folder / "..data_tmp").replace(folder / "..data")

    async def scenario() -> None:
        publish("..2026_1", 0.1)
        (folder / "a.yaml").symlink_to("..data/a.yaml")
        async with watching(folder) as watched:
            await watched.until_temperature("a", 0.1)
            publish("..2026_2", 0.2)
            shutil.rmtree(folder / "..2026_1")
            await watched.until_temperature("a", 0.2)
            assert len(watched.store.snapshot.policies) == 1

    asyncio.run(scenario())


def test_a_folder_that_vanishes_and_returns_is_followed_again(folder: Path) -> None:
    """The old watch does not see the new folder; the store sets another."""

    async def scenario() -> None:
        (folder / "a.yaml").write_text(content("a", 0.1))
        async with watching(folder) as watched:
            shutil.rmtree(folder)
            gone = await watched.until(lambda now: bool(now.problems))
            assert [policy.name for policy in gone.policies] == ["a"]
            make_again(folder, content("a", 0.2))
            await watched.until_temperature("a", 0.2)
            (folder / "a.yaml").write_text(content("a", 0.3))
            await watched.until_temperature("a", 0.3)

    asyncio.run(scenario())


def test_a_folder_that_is_a_link_is_followed_when_the_link_moves(tmp_path: Path) -> None:
    """Deployments switch releases like this."""

    async def scenario() -> None:
        for release, temperature in (("one", 0.1), ("two", 0.2)):
            (tmp_path / release).mkdir()
            (tmp_path / release / "a.yaml").write_text(content("a", temperature))
        link = tmp_path / "current"
        link.symlink_to("one")
        async with watching(link) as watched:
            await watched.until_temperature("a", 0.1)
            (tmp_path / "next").symlink_to("two")
            (tmp_path / "next").replace(link)
            await watched.until_temperature("a", 0.2)
            replace(tmp_path / "two" / "a.yaml", content("a", 0.3))
            await watched.until_temperature("a", 0.3)

    asyncio.run(scenario())


def test_polling_alone_follows_the_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a network file system, or when the system has no watches left."""

    def no_watches_left(*args: object, **options: object) -> object:
        raise OSError("inotify watch limit reached")

    monkeypatch.setattr("proxy.policy.store.awatch", no_watches_left)

    async def scenario() -> None:
        async with watching(folder) as watched:
            (folder / "a.yaml").write_text(content("a", 0.1))
            await watched.until_temperature("a", 0.1)
            replace(folder / "a.yaml", content("a", 0.2))
            await watched.until_temperature("a", 0.2)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "error",
    [
        ExceptionGroup("unhandled errors in a TaskGroup", [OSError(28, "No space left on device")]),
        RuntimeError("can't start new thread"),
        ValueError("embedded null byte"),
    ],
    ids=["a watcher in a task group", "no threads left", "whatever it is"],
)
@pytest.mark.parametrize("what", ["awatch", "scan", "begin_in_thread"])
def test_nothing_that_fails_ends_the_watch(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    what: str,
    error: Exception,
) -> None:
    """Edits arrive once it works again; meanwhile it is said once, not at every look."""
    real = getattr(store_module, what)
    failures = 0

    def fail(*args: object, **options: object) -> object:
        nonlocal failures
        if failures > 5:
            return real(*args, **options)
        failures += 1
        raise error

    async def scenario() -> None:
        (folder / "a.yaml").write_text(content("a", 0.1))
        async with watching(folder, poll_interval_s=0.01) as watched:
            monkeypatch.setattr(store_module, what, fail)
            replace(folder / "a.yaml", content("a", 0.2))
            await watched.until_temperature("a", 0.2)
            while failures <= 5:  # noqa: ASYNC110 - also where the edit came by polling
                await asyncio.sleep(0.001)

    with caplog.at_level(logging.WARNING, logger="proxy.policy.store"):
        asyncio.run(scenario())
    said = [item for item in caplog.messages if item.startswith("policy_watch_unavailable")]
    assert 1 <= len(said) <= 2
    assert repr(error) in said[0]


def test_a_folder_that_nobody_may_look_at_keeps_its_policies(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a mount that has gone stale: the last snapshot is in force, the problem is shown."""
    (folder / "a.yaml").write_text(content("a"))
    store = PolicyStore(folder)
    store.reload()
    refuse(monkeypatch, folder)
    snapshot = store.reload()
    assert [policy.name for policy in snapshot.policies] == ["a"]
    assert "cannot be listed (stale file handle)" in str(snapshot.problems[0])
    assert "stay in force" in str(snapshot.problems[0])


def test_policies_of_a_folder_that_cannot_be_listed_stay_in_force(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are not deleted; each is a problem, and gone once the folder is back without them."""
    (folder / "team").mkdir()
    (folder / "a.yaml").write_text(content("a"))
    (folder / "team" / "strict.yaml").write_text(content("strict", priority=1))
    store = PolicyStore(folder)
    before = store.reload()
    with monkeypatch.context() as patch:
        refuse(patch, folder / "team")
        (folder / "a.yaml").write_text(content("a", 0.9))
        snapshot = store.reload()
        assert snapshot.find("strict") is before.find("strict")
        assert snapshot.find("a") != before.find("a")
        assert [problem.file for problem in snapshot.problems] == [
            str(folder / "team" / "strict.yaml"),
            str(folder / "team"),
        ]
        assert store.reload() is snapshot
    (folder / "team" / "strict.yaml").unlink()
    after = store.reload()
    assert [policy.name for policy in after.policies] == ["a"]
    assert after.problems == ()


def test_policies_behind_a_link_that_leads_nowhere_stay_in_force(folder: Path) -> None:
    """What is at its end may just be unmounted."""
    elsewhere = folder.parent / "mount"
    elsewhere.mkdir()
    (elsewhere / "strict.yaml").write_text(content("strict"))
    (folder / "a.yaml").write_text(content("a", priority=1))
    (folder / "team").symlink_to(elsewhere)
    store = PolicyStore(folder)
    store.reload()
    elsewhere.rename(folder.parent / "away")
    snapshot = store.reload()
    assert [policy.name for policy in snapshot.policies] == ["a", "strict"]
    assert "leads nowhere (no such file or directory)" in str(snapshot.problems[0])
    (folder.parent / "away").rename(elsewhere)
    assert store.reload().problems == ()


def test_policies_beyond_the_last_file_that_is_read_stay_in_force(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that fills with other things does not switch the guard off."""
    (folder / "z.yaml").write_text(content("z"))
    store = PolicyStore(folder)
    store.reload()
    monkeypatch.setattr("proxy.policy.folder.MAX_FILES", 1)
    (folder / "a.yaml").write_text(content("a", priority=1))
    snapshot = store.reload()
    assert [policy.name for policy in snapshot.policies] == ["a", "z"]
    assert "holds more than 1 files" in str(snapshot.problems[0])


def test_notifications_alone_follow_the_folder(folder: Path) -> None:
    """Without waiting for a poll, which is an hour away here."""

    async def scenario() -> None:
        async with watching(folder, poll_interval_s=3600) as watched:
            await watching_has_begun(watched, folder)
            replace(folder / "a.yaml", content("a", 0.2))
            await watched.until_temperature("a", 0.2)

    asyncio.run(scenario())


async def watching_has_begun(watched: Watched, folder: Path) -> None:
    """Write until the first notification comes: the watch is set in a thread of its own."""
    for number in range(1000):
        replace(folder / "b.yaml", content("b", number / 1000, priority=1))
        try:
            async with asyncio.timeout(0.2):
                await watched.until(lambda now: now.find("b") is not None)
        except TimeoutError:
            continue
        return


def test_a_thousand_random_rewrites_never_give_half_a_policy(folder: Path) -> None:
    """Whole, half, renamed, deleted, linked: each policy served is one that was written whole."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    chance = random.Random(seed)
    store = PolicyStore(folder)
    whole: set[str] = set()

    def write_whole(path: Path, text: str) -> None:
        whole.add(str(load_policy(path, root=folder, text=text).ref))
        if chance.random() < 0.5:
            replace(path, text)
        else:
            path.write_text(text)

    def write_half(path: Path, text: str) -> None:
        path.write_text(text[: chance.randrange(len(text) - 1)])

    def delete(path: Path, _: str) -> None:
        path.unlink(missing_ok=True)

    for _ in range(1000):
        name = chance.choice("abc")
        path = folder / f"{name}.yaml"
        text = content(name, chance.randrange(200) / 100, priority=ord(name))
        chance.choice([write_whole, write_whole, write_half, delete])(path, text)
        snapshot = store.reload()
        assert snapshot.refs <= whole
        assert len({policy.name for policy in snapshot.policies}) == len(snapshot.policies)


def test_a_reader_beside_a_writer_sees_whole_snapshots_only(folder: Path) -> None:
    """Two policies are always rewritten together; readers see one swap, not two."""
    store = PolicyStore(folder)
    stop = threading.Event()
    torn: list[Snapshot] = []

    def read() -> None:
        while not stop.is_set():
            snapshot = store.snapshot
            if {policy.name for policy in snapshot.policies} != set(snapshot.files):
                torn.append(snapshot)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(50):
            replace(folder / "a.yaml", content(f"a{number % 7}", priority=1))
            replace(folder / "b.yaml", content(f"b{number % 5}", priority=2))
            store.reload()
    finally:
        stop.set()
        reader.join()
    assert torn == []
    assert store.snapshot.number == 50


def test_decision_is_followed_like_an_edit_and_survives_a_restart(folder: Path) -> None:
    """Written by another process: a command, another worker."""

    async def scenario() -> None:
        (folder / "a.yaml").write_text(content("a"))
        async with watching(folder) as watched:
            (policy,) = watched.store.snapshot.policies
            Journal(watched.store.journal.path).append(step("rollback", policy))
            await watched.until(lambda now: now.share(policy) == 0.0)
        assert PolicyStore(folder).reload().share(policy) == 0.0

    asyncio.run(scenario())


def test_decision_holds_while_the_folder_is_broken(folder: Path) -> None:
    """Nobody mends a file before he may roll back."""
    (folder / "a.yaml").write_text(content("a"))
    store = PolicyStore(folder)
    (policy,) = store.reload().policies
    (folder / "b.yaml").write_text(content("a"))
    store.journal.append(step("rollback", policy))
    snapshot = store.reload()
    assert snapshot.share(policy) == 0.0
    assert "also the name" in str(snapshot.problems[0])


def test_broken_journal_is_a_problem_and_what_holds_goes_on_holding(folder: Path) -> None:
    """The policies are not at fault."""
    (folder / "a.yaml").write_text(content("a"))
    store = PolicyStore(folder)
    (policy,) = store.reload().policies
    store.journal.append(step("rollback", policy))
    store.reload()
    store.journal.path.write_bytes(b"garbage\n")
    snapshot = store.reload()
    assert snapshot.share(policy) == 0.0
    assert "is no step of a rollout" in str(snapshot.problems[0])
    assert store.reload() is snapshot


def test_look_that_decides_nothing_is_no_reload(folder: Path) -> None:
    """Listeners hear of what changes."""
    (folder / "a.yaml").write_text(content("a"))
    store = PolicyStore(folder)
    snapshot = store.reload()
    store.journal.append(step("hold", snapshot.policies[0]))
    assert store.reload() is snapshot


@pytest.mark.parametrize("what", ["scan", "_identity"])
def test_folder_on_a_dead_mount_costs_its_changes_and_nothing_else(
    folder: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """The event loop goes on under what was read before, and can end while the disk hangs."""
    store = PolicyStore(folder, poll_interval_s=0.01)
    before = store.reload()
    disk, asked = threading.Event(), threading.Event()
    last_resort = threading.Timer(20, disk.set)
    last_resort.start()

    def hang(*_: object) -> None:
        asked.set()
        disk.wait()

    owner = store_module if what == "scan" else PolicyStore
    monkeypatch.setattr(owner, what, hang)

    async def act() -> None:
        watching = spawn(store.watch(), name="watch")
        while not asked.is_set():  # noqa: ASYNC110 - another thread's doing
            await asyncio.sleep(0.001)
        assert store.snapshot is before
        await cancel(watching)

    asyncio.run(act())
    assert not disk.is_set()
    last_resort.cancel()
    disk.set()
