"""Policy files as exports write them: whole or not at all, and with a way back.

Beside each exported file stands a hidden one with what was there before it and the hash of what
replaced it; the proxy reads no hidden files.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from proxy.errors import StoreError
from proxy.policy.schema import Policy
from proxy.policy.source import dump_policy


def write_policy(policy: Policy, folder: Path) -> Path:
    """Write ``<folder>/<name>.yaml`` so that a reader sees the old file or the whole new one.

    What was there before is kept for :func:`undo`. A file that says the same already is left alone.

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
        before = path.read_bytes() if path.exists() else b""
        if before != content:
            # First, so that whatever happens in between can be undone.
            _replace(_kept(path), _sha256(content) + b"\n" + before)
            _replace(path, content)
    return path


def undo(path: Path) -> str:
    """Put back what was there before the last export, bytes and all, or remove the file.

    Args:
        path: of the exported policy.

    Returns:
        What was done, for people.

    Raises:
        StoreError: nothing was exported there, the file has been edited since, or it cannot be
            written; then it stays as it is.
    """
    kept = _kept(path)
    if not kept.exists():
        raise StoreError(f"{path}: there is no export to undo.")
    with _translated(path):
        replaced_by, _, before = kept.read_bytes().partition(b"\n")
        if not path.exists() or _sha256(path.read_bytes()) != replaced_by:
            raise StoreError(
                f"{path}: nothing undone, it is not what was exported any more. What was there "
                f"before follows the first line of {kept}."
            )
        if before:
            _replace(path, before)
        else:
            path.unlink()
        kept.unlink()
        _sync(path.parent)
    said = "is again what it was before the export" if before else "is removed; there was none"
    return f"{path} {said}."


def _kept(path: Path) -> Path:
    return path.with_name(f".{path.name}.before")


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _replace(path: Path, content: bytes) -> None:
    """Durable once it returns."""
    with NamedTemporaryFile(
        dir=path.parent, prefix=f".{path.name.lstrip('.')}.", suffix=".tmp", delete=False
    ) as file:
        temporary = Path(file.name)
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            temporary.chmod(0o644)  # temporary files are private; the proxy may be another user
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
