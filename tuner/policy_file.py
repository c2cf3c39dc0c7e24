"""Policy files as exports write them: whole or not at all, and with a way back.

Beside each exported file stands a hidden one for each export that has not been undone: what was
there before it, and the hash of what replaced it. The proxy reads no hidden files.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Self

from proxy.errors import PolicyError, StoreError
from proxy.policy.schema import Policy
from proxy.policy.source import dump_policy, load_policy

_NEW_MODE = 0o644
"""Temporary files are private; the proxy may be another user."""

_NOTHING = b"nothing"
"""Behind the hash, where there was no file before."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """What an export replaced.

    Args:
        path: of the hidden file that keeps it.
        replaced_by: SHA-256 of what was exported.
        before: the bytes; None where there was no file.
    """

    path: Path
    replaced_by: bytes
    before: bytes | None

    @classmethod
    def read(cls, path: Path) -> Self:
        """The inverse of :meth:`write`."""
        header, _, before = path.read_bytes().partition(b"\n")
        replaced_by, _, was = header.partition(b" ")
        return cls(path, replaced_by, None if was == _NOTHING else before)

    def write(self) -> None:
        """A line with the hash, then the bytes."""
        header = self.replaced_by + (b" " + _NOTHING if self.before is None else b"")
        _replace(self.path, header + b"\n" + (self.before or b""))


def write_policy(policy: Policy, folder: Path) -> Path:
    """Write ``<folder>/<name>.yaml`` so that a reader sees the old file or the whole new one.

    What was there before is kept for :func:`undo`, whatever is exported over it later. Its mode
    stays, and a symlink stays one. A file that says the same already is left alone.

    Args:
        policy: what to write.
        folder: made if missing.

    Returns:
        The file's path.

    Raises:
        StoreError: the folder cannot be written; no half-written file is left behind.
    """
    path = folder / f"{policy.name}.yaml"
    content = dump_policy(policy).encode()
    with _translated(path):
        folder.mkdir(parents=True, exist_ok=True)
        before = _bytes(path)
        if before != content:
            # First, so that whatever happens in between can be undone.
            _Kept(_next_hidden(path), _sha256(content), before).write()
            _replace(path, content)
    return path


def undo(path: Path) -> str:
    """Put back what was there before the last export, bytes and all, or remove the file.

    Called again, it goes back one more export.

    Args:
        path: of the exported policy.

    Returns:
        What was done, for people.

    Raises:
        StoreError: nothing was exported there, the file has been edited since, or it cannot be
            written; then it stays as it is.
    """
    with _translated(path):
        now, kept = _bytes(path), [_Kept.read(hidden) for hidden in _hidden(path)]
        while kept and kept[-1].before == now:  # that export was cut off, or undone by hand
            kept.pop().path.unlink()
        if not kept:
            raise StoreError(f"{path}: there is no export to undo.")
        last = kept[-1]
        if now is None or _sha256(now) != last.replaced_by:
            raise StoreError(
                f"{path}: nothing undone, it is not what was exported any more. What was there "
                f"before follows the first line of {last.path}."
            )
        if last.before is None:
            path.resolve().unlink()
        else:
            _replace(path, last.before)
        last.path.unlink()
        _sync(path.parent)
    if last.before is None:
        return f"{path} is removed; there was none."
    return f"{path} is again what it was before the export."


def last_exported(paths: Iterable[Path]) -> Path | None:
    """Of these policies, the one that was exported last and can be undone; None if none can."""
    times = {path: hidden[-1].stat().st_mtime_ns for path in paths if (hidden := _hidden(path))}
    return max(times, key=times.__getitem__, default=None)


def holds_another(path: Path, policy: Policy) -> bool:
    """Whether there is a file that does something else than a policy, or cannot be read at all."""
    there = _bytes(path)
    return there is not None and _is_another(path, there, policy)


def replaced_another(path: Path, policy: Policy) -> bool:
    """Whether the last export that can be undone took the place of a file that did another thing.

    Raises:
        StoreError: what is kept cannot be read.
    """
    with _translated(path):
        kept = [_Kept.read(hidden) for hidden in _hidden(path)]
    before = kept[-1].before if kept else None
    return before is not None and _is_another(path, before, policy)


def _is_another(path: Path, content: bytes, policy: Policy) -> bool:
    try:
        there = load_policy(path, root=path.parent, text=content)
    except PolicyError:
        return True
    return there.phenotype != policy.phenotype


def _hidden(path: Path) -> list[Path]:
    """What is kept of a policy's exports, oldest first."""
    if not path.parent.is_dir():
        return []
    pattern = re.compile(re.escape(f".{path.name}.before-") + r"\d+")
    return sorted(
        (one for one in path.parent.iterdir() if pattern.fullmatch(one.name)), key=_number
    )


def _next_hidden(path: Path) -> Path:
    number = 1 + max(map(_number, _hidden(path)), default=0)
    return path.with_name(f".{path.name}.before-{number}")


def _number(hidden: Path) -> int:
    return int(hidden.name.rpartition("-")[2])


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _replace(path: Path, content: bytes) -> None:
    """Durable once it returns; of a symlink, what it leads to is replaced."""
    path = path.resolve()
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else _NEW_MODE
    with NamedTemporaryFile(
        dir=path.parent, prefix=f".{path.name.lstrip('.')}.", suffix=".tmp", delete=False
    ) as file:
        temporary = Path(file.name)
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            temporary.chmod(mode)
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """A rename is durable once its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written ({error.strerror}). Give another --out."
        ) from error
