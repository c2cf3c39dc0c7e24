"""The store's file: one writer at a time, our SQLite schema, and errors that name the remedy."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from proxy.errors import StoreError

APPLICATION_ID = 0x47544556
"""Marks the file as ours ("GTEV") in SQLite's header."""

SCHEMA_VERSION = 3
"""1 had one verdict an answer and judge, and no label; 2 had no partial refusals. Both are brought
up to date when opened."""

_SCHEMA = """
CREATE TABLE runs (
    id TEXT PRIMARY KEY, started_at REAL NOT NULL, config TEXT NOT NULL
) STRICT;
CREATE TABLE decisions (
    run_id TEXT NOT NULL REFERENCES runs (id), number INTEGER NOT NULL,
    kind TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (run_id, number)
) STRICT;
CREATE TABLE answers (
    id INTEGER PRIMARY KEY, model TEXT NOT NULL, phenotype TEXT NOT NULL, prompt_id TEXT NOT NULL,
    replicate INTEGER NOT NULL, seed INTEGER NOT NULL, max_tokens INTEGER NOT NULL,
    text TEXT NOT NULL, finish_reason TEXT, prompt_tokens INTEGER, completion_tokens INTEGER,
    duration_ms REAL NOT NULL, error TEXT, answered_at REAL NOT NULL
) STRICT;
CREATE UNIQUE INDEX whole_answers
    ON answers (model, phenotype, prompt_id, replicate, seed, max_tokens) WHERE error IS NULL;
"""

_VERDICTS = """
CREATE TABLE verdicts (
    answer_id INTEGER NOT NULL REFERENCES answers (id), judge_id TEXT NOT NULL,
    status TEXT NOT NULL, harmful INTEGER, score REAL, unsafe REAL, relevant REAL, useful REAL,
    refusal REAL, is_refusal INTEGER NOT NULL, degenerate TEXT NOT NULL, category TEXT,
    reason TEXT, label TEXT, attempt INTEGER NOT NULL,
    is_partial_refusal INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (answer_id, judge_id, attempt)
) STRICT;
"""

_UPDATES = {
    1: f"""
BEGIN IMMEDIATE;
ALTER TABLE verdicts RENAME TO verdicts_1;
{_VERDICTS}
INSERT INTO verdicts SELECT *, NULL, 0, 0 FROM verdicts_1;
DROP TABLE verdicts_1;
PRAGMA user_version = 3;
COMMIT;
""",  # noqa: S608 - put together from constants
    2: """
BEGIN IMMEDIATE;
ALTER TABLE verdicts ADD COLUMN is_partial_refusal INTEGER NOT NULL DEFAULT 0;
PRAGMA user_version = 3;
COMMIT;
""",
}
"""From which version → what brings the file up to date."""

_VIEWS = {
    1: """
CREATE TEMP VIEW verdicts AS
    SELECT *, NULL AS label, 0 AS attempt, 0 AS is_partial_refusal FROM main.verdicts;
""",
    2: "CREATE TEMP VIEW verdicts AS SELECT *, 0 AS is_partial_refusal FROM main.verdicts;",
}
"""How an older file is read as this version: a temporary view hides the table of the same name, so
that nobody else sees a difference."""


def lock(path: Path) -> IO[str]:
    """Hold ``<path>.lock`` for as long as the returned file is open; the kernel frees it.

    Raises:
        StoreError: another process holds it, or the folder cannot be written.
    """
    beside = path.with_name(path.name + ".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held = beside.open("a+")
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written ({error.strerror}). Give another --store."
        ) from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        held.seek(0)
        holder = held.read(20).strip() or "unknown"
        held.close()
        raise StoreError(
            f"{path}: in use by process {holder}. Wait for it to end, or give another --store."
        ) from error
    with suppress(OSError):  # a full disk: the lock holds all the same, only nobody learns whose
        os.ftruncate(held.fileno(), 0)
        os.write(held.fileno(), str(os.getpid()).encode())
    return held


def open_database(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """Open or create a store file and check that it is one, of our version, and whole.

    Raises:
        StoreError: it is missing while read-only, foreign, of another version, or damaged.
    """
    if read_only and not path.is_file():
        raise StoreError(f"{path}: no such store. Start a run first, or give another --store.")
    with translated(path):
        mode = "ro" if read_only else "rwc"
        db = sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True)
        try:
            _check(db, path, read_only=read_only)
        except BaseException:
            db.close()
            raise
    return db


def _check(db: sqlite3.Connection, path: Path, *, read_only: bool) -> None:
    (tables,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if not tables and not read_only:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(
            f"BEGIN; {_SCHEMA} {_VERDICTS} PRAGMA application_id = {APPLICATION_ID}; "
            f"PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
        )
    # NORMAL under WAL: a killed process loses nothing, a power cut loses the last answers at most.
    db.execute("PRAGMA synchronous = NORMAL")
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise StoreError(f"{path}: not an evaluation store. Give another --store.")
    if version in _UPDATES:
        db.executescript((_VIEWS if read_only else _UPDATES)[version])
    elif version != SCHEMA_VERSION:
        raise StoreError(
            f"{path}: schema {version}, but this version reads {SCHEMA_VERSION}. "
            "Use the GuardTune that wrote it, or give another --store."
        )
    (health,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if health != "ok":
        raise sqlite3.DatabaseError(str(health))


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """SQLite's errors as StoreError with the file and the remedy."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StoreError(
            f"{path}: cannot be used ({error}). Free space or fix permissions, then "
            "start again: what was stored is kept."
        ) from error
    except sqlite3.DatabaseError as error:
        raise StoreError(
            f"{path}: damaged ({str(error)[:80]}). Move it away or restore a copy, then start anew."
        ) from error
