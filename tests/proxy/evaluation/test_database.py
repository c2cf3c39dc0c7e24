"""The store's file: one writer, and a clear word about every file that cannot be used."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.errors import StoreError
from proxy.evaluation.database import APPLICATION_ID, lock, open_database

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
