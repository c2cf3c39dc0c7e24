"""The store's file: one writer, and a clear word about every file that cannot be used."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.domain import Verdict
from proxy.errors import StoreError
from proxy.evaluation.database import APPLICATION_ID, SCHEMA_VERSION, lock, open_database
from proxy.evaluation.run import Answer
from proxy.evaluation.store import AnswerKey, EvaluationStore

VERSION_1 = """
CREATE TABLE runs (
    id TEXT PRIMARY KEY, started_at REAL NOT NULL, config TEXT NOT NULL
) STRICT;
CREATE TABLE answers (
    id INTEGER PRIMARY KEY, model TEXT NOT NULL, phenotype TEXT NOT NULL, prompt_id TEXT NOT NULL,
    replicate INTEGER NOT NULL, seed INTEGER NOT NULL, max_tokens INTEGER NOT NULL,
    text TEXT NOT NULL, finish_reason TEXT, prompt_tokens INTEGER, completion_tokens INTEGER,
    duration_ms REAL NOT NULL, error TEXT, answered_at REAL NOT NULL
) STRICT;
CREATE TABLE verdicts (
    answer_id INTEGER NOT NULL REFERENCES answers (id), judge_id TEXT NOT NULL,
    status TEXT NOT NULL, harmful INTEGER, score REAL, unsafe REAL, relevant REAL, useful REAL,
    refusal REAL, is_refusal INTEGER NOT NULL, degenerate TEXT NOT NULL, category TEXT,
    reason TEXT, PRIMARY KEY (answer_id, judge_id)
) STRICT;
INSERT INTO answers VALUES (7, 'model', 'phenotype', 'prompt', 0, 42, 64, 'Hello.', 'stop', 10, 3,
    12.5, NULL, 1.0);
INSERT INTO verdicts VALUES (7, 'judge-1', 'scored', 0, 0.1, NULL, 0.9, NULL, 0.8, 1, 'looping',
    NULL, NULL);
PRAGMA user_version = 1;
"""

HOLD = """
import sys
from pathlib import Path
from proxy.evaluation.store import EvaluationStore
with EvaluationStore(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a store may be made."""
    return tmp_path / "tune.sqlite"


def test_a_second_writer_is_told_who_has_the_store(path: Path) -> None:
    """Another process holds it: its id is in the message, and it works once that one has ended."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3],
    ) as holder:  # fmt: skip
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreError, match=f"in use by process {holder.pid}"):
            lock(path)
        holder.communicate("")
    lock(path).close()


def test_a_store_opens_where_the_disk_has_no_room_for_our_name(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is locked all the same."""

    def full(_fd: int, _content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        store = EvaluationStore(path)
    with store, pytest.raises(StoreError, match="in use by process"):
        EvaluationStore(path)


def test_a_new_file_is_marked_as_ours(path: Path) -> None:
    """So that no other database is ever written into."""
    db = open_database(path, read_only=False)
    assert db.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    db.close()


def test_another_programs_database_is_refused(path: Path) -> None:
    """It is left alone."""
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE theirs (x)")
    db.close()
    with pytest.raises(StoreError, match="not an evaluation store"):
        open_database(path, read_only=False)


@pytest.fixture
def old(path: Path) -> Path:
    """A store as the first version wrote it."""
    db = sqlite3.connect(path)
    db.executescript(f"{VERSION_1} PRAGMA application_id = {APPLICATION_ID};")
    db.close()
    return path


@pytest.mark.parametrize("read_only", [True, False], ids=["reading", "writing"])
def test_a_store_of_the_first_version_opens(old: Path, *, read_only: bool) -> None:
    """Its verdicts read back as they were; they have no label."""
    with EvaluationStore(old, read_only=read_only) as store:
        found = store.find(AnswerKey("model", "phenotype", "prompt", 0, 42, 64), "judge-1")
    assert found is not None
    verdict = found[1]
    assert verdict == Verdict(
        "judge-1", "scored", harmful=False, score=0.1, relevant=0.9, refusal=0.8, is_refusal=True,
        degenerate=("looping",),
    )  # fmt: skip


def test_a_store_of_the_second_version_opens(path: Path) -> None:
    """It knew no partial refusals; reading leaves it so, and writing adds them."""
    key, verdict = AnswerKey("m", "p", "q", 0, 1, 64), Verdict("judge-1", "scored", refusal=0.3)
    with EvaluationStore(path) as store:
        store.add_answer(key, Answer("text"), verdict, answered_at=0.0)
    db = sqlite3.connect(path)
    db.executescript("ALTER TABLE verdicts DROP COLUMN is_partial_refusal; PRAGMA user_version = 2")
    db.close()
    for read_only, after in ((True, 2), (False, SCHEMA_VERSION)):
        with EvaluationStore(path, read_only=read_only) as store:
            found = store.find(key, "judge-1")
        assert found is not None
        assert found[1] == verdict
        assert version(path) == after


def test_writing_brings_an_old_store_up_to_date_and_reading_does_not(old: Path) -> None:
    """A report must not change what it reports on."""
    open_database(old, read_only=True).close()
    assert version(old) == 1
    open_database(old, read_only=False).close()
    assert version(old) == SCHEMA_VERSION
    open_database(old, read_only=False).close()


def test_an_interrupted_update_leaves_the_old_store(old: Path) -> None:
    """All of it or nothing."""
    db = sqlite3.connect(old)
    db.execute("CREATE TABLE verdicts_1 (x)")  # in the way, so that the update fails midway
    db.close()
    with pytest.raises(StoreError):
        open_database(old, read_only=False)
    assert version(old) == 1
    with EvaluationStore(old, read_only=True) as store:
        assert store.count_answers() == 1


def version(path: Path) -> int:
    """The schema's version, as any SQLite program sees it."""
    db = sqlite3.connect(path)
    (found,) = db.execute("PRAGMA user_version").fetchone()
    db.close()
    return int(found)


def test_a_newer_schema_is_refused(path: Path) -> None:
    """An older program must not guess."""
    db = open_database(path, read_only=False)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StoreError, match="schema 99"):
        open_database(path, read_only=False)


def test_a_file_that_is_no_database_is_damaged(path: Path) -> None:
    """A text file, say."""
    path.write_text("hello " * 200)
    with pytest.raises(StoreError, match="damaged"):
        open_database(path, read_only=False)


def test_a_corrupt_database_is_damaged(path: Path) -> None:
    """Pages overwritten in the middle of the file."""
    db = open_database(path, read_only=False)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    content = bytearray(path.read_bytes())
    content[4096 : 4096 * 3] = b"\xff" * (4096 * 2)
    path.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        open_database(path, read_only=False)


def test_a_torn_write_ahead_log_loses_its_tail_only(path: Path) -> None:
    """A power cut in the middle of a commit: the commits before it are there."""
    db = open_database(path, read_only=False)
    for name in ("a", "b"):
        with db:
            db.execute("INSERT INTO runs VALUES (?, 0, '{}')", (name,))
    log = path.with_name(path.name + "-wal")
    torn = path.with_name("torn.sqlite")
    torn.write_bytes(path.read_bytes())
    torn.with_name(torn.name + "-wal").write_bytes(log.read_bytes()[:-100])
    db.close()
    recovered = open_database(torn, read_only=False)
    assert recovered.execute("SELECT id FROM runs").fetchall() == [("a",)]
    recovered.close()


def test_a_missing_store_cannot_be_read(path: Path) -> None:
    """A report needs a run first."""
    with pytest.raises(StoreError, match="no such store"):
        open_database(path, read_only=True)


def test_a_folder_that_cannot_be_made_is_a_store_error(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        lock(tmp_path / "file" / "tune.sqlite")
