"""The journal of rollout steps: JSON lines, of which every decision stays for ever.

It is both the audit log and the state: what holds is what its lines say, so that the two cannot
disagree. A line counts once it is whole; one that a crash tore is cut off by the next.

A look that decided nothing is a line, too, and says all that the one before it said. Once a hundred
of those have been replaced they are left out, so that a canary which stays undecided for a year
does not fill the disk.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import msgspec

from proxy.errors import PolicyError, Problem
from proxy.policy.rollout import Entry, Reading, superseded

JOURNAL_NAME = ".rollout.jsonl"
"""In the policy folder, where nothing is configured; a name with a dot is no policy file."""

LOCK_WITHIN_S = 5.0
"""How long another writer may keep the journal locked: it writes one line."""

COMPACT_AT = 100
"""Looks that were replaced, before they are left out: some 70 kB."""

_LOCK_EVERY_S = 0.01

_Stamp = tuple[int, int, int]
_DECODER = msgspec.json.Decoder(Entry)


class Journal:
    """The journal of one policy folder; any number of processes may read it and add to it.

    What cannot be read never undoes what was read before: while the process lives, steps of a line
    that broke or of a file that vanished go on holding, and are told as a problem. A file that is
    begun anew begins with them.

    Args:
        path: need not exist yet; its folder must, once something is added.
        lock_within_s: how long to wait for another writer.
    """

    def __init__(self, path: Path, *, lock_within_s: float = LOCK_WITHIN_S) -> None:
        self.path = path
        self._lock_within_s = lock_within_s
        self._stamp: _Stamp | None = None
        self._lines: Mapping[bytes, Entry] = {}
        self._reading = Reading()
        self._is_lost = False
        # What was read and the stamp it was read under belong together: a slower reader must not
        # put older lines under a newer stamp, where they would stay.
        self._lock = threading.Lock()

    @property
    def known(self) -> Reading:
        """What the journal said when it was last read; asks no disk."""
        return self._reading

    def read(self) -> Reading:
        """Return what the journal says now; costs one `stat` while nothing changes. Never raises.

        It may be called on any thread: two that read at once come to the same.
        """
        with self._lock:
            return self._read()

    def append(
        self, entry: Entry, *, unless: Callable[[Sequence[Entry]], bool] | None = None
    ) -> bool:
        """Add one step; once this returns it survives a crash.

        It waits for the disk, and for another writer: not on the event loop.

        Args:
            entry: the step.
            unless: is asked about all steps once no other writer can add one, however long that
                took; where it holds, nothing is written. Whoever concludes from steps that he read
                before asks here whether they are still the last word.

        Returns:
            Whether it was written.

        Raises:
            PolicyError: it could not be written; the journal is as it was.
        """
        line = msgspec.json.encode(entry) + b"\n"
        try:
            with self._locked() as file:
                if unless is not None and unless(self.read().entries):
                    return False
                _add(file, line, known=tuple(self._lines))
                with suppress(OSError):  # it is longer than it need be, and as good
                    _compact(file, self.path.resolve())
        except OSError as error:
            reason = (error.strerror or "cannot be written").lower()
            message = (
                f"cannot be written ({reason}), so that nothing was decided. Make it writable, or "
                "name another file in `rollout.journal`."
            )
            raise PolicyError((Problem(str(self.path), message),)) from error
        return True

    @contextmanager
    def _locked(self) -> Iterator[BinaryIO]:
        """Open the file for this writer alone, so that two never mix their lines."""
        deadline = time.monotonic() + self._lock_within_s
        while True:
            with open(self.path, "a+b", buffering=0) as file:  # noqa: PTH123 - Path.open adds nothing
                _lock(file, deadline)
                if _is_at(self.path, file):
                    yield file
                    return
                # Another writer has just put a shorter file in its place.

    def _read(self) -> Reading:
        try:
            stamp = _stamp(self.path.stat())
            if stamp == self._stamp:
                return self._reading
            content = self.path.read_bytes()
        except FileNotFoundError:
            return self._without_file()
        except OSError as error:
            reason = (error.strerror or "cannot be read").lower()
            return self._kept(f"cannot be read ({reason}). Check its permissions.")
        self._take(content)
        self._stamp = stamp
        return self._reading

    def _without_file(self) -> Reading:
        if not self._lines:
            self._stamp, self._reading = None, Reading()
            return self._reading
        self._is_lost = True
        return self._kept("has vanished. Put it back, or restart to let the policy files decide.")

    def _kept(self, message: str) -> Reading:
        """Keep what was read before, and say why."""
        self._stamp = None
        kept = " What was read from it before stays in force." if self._lines else ""
        problem = Problem(str(self.path), f"{message}{kept}")
        return replace(
            self._reading, problems=(problem,), digest=_digest(self._reading.digest, problem)
        )

    def _take(self, content: bytes) -> None:
        lines, problems = self._parsed(content)
        if self._lines and not (lines or problems):
            self._is_lost = True  # another writer is about to begin it anew, or somebody emptied it
        # What was known comes first and in its order, not in that of the clock, which may be set
        # back: the file's order is what happened.
        both = {**self._lines, **lines}
        if self._is_lost:
            missing = len(_needed(both) - lines.keys())
            self._is_lost = missing > 0
            problems += [self._incomplete(missing)] if missing else []
        self._lines = both if problems else lines
        digest = _digest(hashlib.sha256(content).hexdigest(), *problems)
        self._reading = Reading(tuple(self._lines.values()), tuple(problems), digest)

    def _parsed(self, content: bytes) -> tuple[dict[bytes, Entry], list[Problem]]:
        lines: dict[bytes, Entry] = {}
        problems = []
        for number, line in enumerate(_whole(content).split(b"\n"), start=1):
            if not line.strip():
                continue
            try:
                lines[line] = _DECODER.decode(line)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                problems.append(self._broken(number, error))
        return lines, problems

    def _incomplete(self, missing: int) -> Problem:
        message = (
            f"had vanished, and is without {missing} of the steps that were read from it before. "
            "They stay in force. Put them back, or restart to let the file decide as it is."
        )
        return Problem(str(self.path), message)

    def _broken(self, number: int, error: Exception) -> Problem:
        message = f"is no step of a rollout ({error}). Mend the line, or take it out."
        return Problem(str(self.path), message, line=number)


def _lock(file: BinaryIO, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise OSError(errno.EAGAIN, "another process keeps it locked") from None
            time.sleep(_LOCK_EVERY_S)
        else:
            return


def _is_at(path: Path, file: BinaryIO) -> bool:
    """Whether an open file is still the one at its path."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _add(file: BinaryIO, line: bytes, *, known: Iterable[bytes]) -> None:
    """Write a line at the end of the last whole one, and wait until it is on the disk.

    Args:
        file: locked.
        line: with its end.
        known: what was read before, with which a file begins that holds nothing.
    """
    file.seek(0)
    whole = _whole(file.read())
    if not whole.strip():
        line = b"".join(before + b"\n" for before in known) + line
    elif not whole.endswith(b"\n"):  # a hand took the last line out, and the end of this one
        line = b"\n" + line
    file.truncate(len(whole))
    try:
        if file.write(line) != len(line):
            raise OSError(errno.ENOSPC, "no space left on device")
        os.fsync(file.fileno())
    except OSError:
        file.truncate(len(whole))
        raise


def _whole(content: bytes) -> bytes:
    """Return all but a last piece that a crash tore."""
    lines, end, last = content.rpartition(b"\n")
    return content if _decoded(last) is not None else lines + end


def _needed(lines: Mapping[bytes, Entry]) -> set[bytes]:
    """Return the lines that say something which no later one says."""
    gone = superseded(tuple(lines.values()))
    return {line for at, line in enumerate(lines) if at not in gone}


def _compact(file: BinaryIO, path: Path) -> None:
    """Leave out looks that were replaced, once there are many; whoever waits for the file notices.

    Beside the file and then in its place, with its owner and mode: a crash leaves one or the other.

    Raises:
        OSError: it cannot be done here; the file is as it was.
    """
    file.seek(0)
    lines = file.read().splitlines(keepends=True)
    gone = superseded([_decoded(line) for line in lines])
    if len(gone) < COMPACT_AT:
        return
    beside = path.with_name(f".{path.name}.new")
    try:
        with beside.open("wb") as shorter:
            status = os.fstat(file.fileno())
            os.fchown(shorter.fileno(), status.st_uid, status.st_gid)
            os.fchmod(shorter.fileno(), status.st_mode)
            shorter.writelines(line for at, line in enumerate(lines) if at not in gone)
            shorter.flush()
            os.fsync(shorter.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _decoded(line: bytes) -> Entry | None:
    with suppress(msgspec.MsgspecError, UnicodeDecodeError):
        return _DECODER.decode(line)
    return None


def _sync_folder(folder: Path) -> None:
    """Have the new name on the disk before the next line is: it would be lost with the old file."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _stamp(status: os.stat_result) -> _Stamp:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _digest(*parts: object) -> str:
    """Return a hash of what the parts say, file names that are no UTF-8 included."""
    return hashlib.sha256("\0".join(map(str, parts)).encode(errors="backslashreplace")).hexdigest()
