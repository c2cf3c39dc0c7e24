"""The policy folder as read at one moment: every policy file's bytes, and a hash of it all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from proxy.policy.files import MAX_BYTES, UnreadableError, read_bounded

POLICY_SUFFIXES = frozenset({".yaml", ".yml"})
MAX_FILES = 10_000


@dataclass(frozen=True, slots=True)
class Scan:
    """One reading of a policy folder.

    Args:
        exists: whether there is such a folder.
        policies: policy file → its content, or why it cannot be read.
        texts: hash of every other file, any of which a policy may refer to.
        digest: hash of everything, which decides whether anything has changed.
    """

    exists: bool
    policies: Mapping[Path, bytes | UnreadableError]
    texts: str
    digest: str


def scan(folder: Path) -> Scan:
    """Read a policy folder, recursively and through links; costs little enough to poll.

    Names that begin with a dot are skipped. That covers editors' and `tune export`'s temporary
    files, and the ``..data`` folders behind a Kubernetes ConfigMap's links, which would show every
    policy twice.
    """
    policies: dict[Path, bytes | UnreadableError] = {}
    texts = hashlib.sha256()
    for path in visible_files(folder):
        if path.suffix.lower() in POLICY_SUFFIXES:
            policies[path] = _content(path)
        else:
            texts.update(_fingerprint(path))
    everything = texts.copy()
    for path, content in policies.items():
        everything.update(f"{path}\0{_digest(content)}\0".encode(errors="surrogateescape"))
    everything.update(bytes([folder.is_dir()]))
    return Scan(folder.is_dir(), policies, texts.hexdigest(), everything.hexdigest())


def policy_files(folder: Path) -> Iterator[Path]:
    """Yield the policy files of a folder, in the order in which they are read."""
    return (path for path in visible_files(folder) if path.suffix.lower() in POLICY_SUFFIXES)


def visible_files(folder: Path) -> Iterator[Path]:
    """Yield the visible files of a folder in a fixed order, each folder once even if links loop."""
    visited: set[tuple[int, int]] = set()
    _is_new("", str(folder), visited)
    count = 0
    for parent, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(
            f for f in folders if not f.startswith(".") and _is_new(parent, f, visited)
        )
        for file in sorted(files):
            if file.startswith("."):
                continue
            count += 1
            if count > MAX_FILES:
                return
            yield Path(parent, file)


def _is_new(parent: str, folder: str, visited: set[tuple[int, int]]) -> bool:
    try:
        status = Path(parent, folder).stat()
    except OSError:
        return False
    identity = (status.st_dev, status.st_ino)
    is_new = identity not in visited
    visited.add(identity)
    return is_new


def _content(path: Path) -> bytes | UnreadableError:
    try:
        return read_bounded(path)
    except UnreadableError as error:
        return error


def _digest(content: bytes | UnreadableError) -> str:
    return (
        str(content)
        if isinstance(content, UnreadableError)
        else hashlib.sha256(content).hexdigest()
    )


def _fingerprint(path: Path) -> bytes:
    """Return what tells a text's versions apart: of a file too large to refer to, its size."""
    try:
        size = path.stat().st_size
    except OSError:
        size = -1
    content = _content(path) if size <= MAX_BYTES else UnreadableError(str(size))
    return f"{path}\0{_digest(content)}\0".encode(errors="surrogateescape")
