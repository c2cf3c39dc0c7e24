"""The policy folder as read at one moment: every policy file's bytes, and a hash of it all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from proxy.policy.files import MAX_BYTES, UnreadableError, read_bounded

POLICY_SUFFIXES = frozenset({".yaml", ".yml"})
MAX_FILES = 10_000

Unseen = dict[Path, UnreadableError]
"""Folder, or link that leads nowhere → why files may be below it that were not seen."""


@dataclass(frozen=True, slots=True)
class Scan:
    """One reading of a policy folder.

    Args:
        exists: whether there is such a folder.
        policies: policy file → its content, or why it cannot be read.
        texts: hash of every other file, any of which a policy may refer to.
        digest: hash of everything, which decides whether anything has changed.
        unseen: folders whose files are not all here: they are not deleted.
    """

    exists: bool
    policies: Mapping[Path, bytes | UnreadableError]
    texts: str
    digest: str
    unseen: Mapping[Path, UnreadableError] = field(default_factory=dict)


def scan(folder: Path) -> Scan:
    """Read a policy folder, recursively and through links; costs little enough to poll.

    Names that begin with a dot are skipped. That covers editors' and `tune export`'s temporary
    files, and the ``..data`` folders behind a Kubernetes ConfigMap's links, which would show every
    policy twice.
    """
    policies: dict[Path, bytes | UnreadableError] = {}
    texts = hashlib.sha256()
    unseen: Unseen = {}
    for path in visible_files(folder, unseen=unseen):
        if path.suffix.lower() in POLICY_SUFFIXES:
            policies[path] = _content(path)
        else:
            texts.update(_fingerprint(path))
    everything = texts.copy()
    for path, content in (*policies.items(), *unseen.items()):
        everything.update(f"{path}\0{_digest(content)}\0".encode(errors="surrogateescape"))
    exists = os.path.isdir(folder)  # noqa: PTH112 - Path's raises where a mount is broken
    everything.update(bytes([exists]))
    return Scan(exists, policies, texts.hexdigest(), everything.hexdigest(), unseen)


def policy_files(folder: Path, *, unseen: Unseen | None = None) -> Iterator[Path]:
    """Yield the policy files of a folder, in the order in which they are read.

    Args:
        folder: the folder.
        unseen: is filled with what could not be looked into.
    """
    files = visible_files(folder, unseen=unseen)
    return (path for path in files if path.suffix.lower() in POLICY_SUFFIXES)


def visible_files(folder: Path, *, unseen: Unseen | None = None) -> Iterator[Path]:
    """Yield the visible files of a folder in a fixed order, each folder once even if links loop.

    Args:
        folder: the folder.
        unseen: is filled with what could not be looked into.
    """
    walk = _Walk(folder, {} if unseen is None else unseen)
    walk.is_new(folder)
    count = 0
    for parent, folders, files in os.walk(folder, onerror=walk.note, followlinks=True):
        folders[:] = sorted(
            f for f in folders if not f.startswith(".") and walk.is_new(Path(parent, f))
        )
        for file in sorted(files):
            if file.startswith("."):
                continue
            count += 1
            if count > MAX_FILES:
                message = f"holds more than {MAX_FILES:,} files. Take out what is no policy."
                walk.unseen[folder] = UnreadableError(message)
                return
            path = Path(parent, file)
            walk.note_if_lost(path)
            yield path


class _Walk:
    """What a walk through a folder has come by, and what it could not look into."""

    def __init__(self, top: Path, unseen: Unseen) -> None:
        self._top = top
        self.unseen = unseen
        self._visited: set[tuple[int, int]] = set()

    def is_new(self, folder: Path) -> bool:
        """Whether a folder is there and was not walked through yet."""
        try:
            status = folder.stat()
        except OSError as error:
            error.filename = str(folder)
            self.note(error)
            return False
        identity = (status.st_dev, status.st_ino)
        is_new = identity not in self._visited
        self._visited.add(identity)
        return is_new

    def note(self, error: OSError) -> None:
        """Keep why a folder cannot be listed, unless it is gone."""
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            reason = (error.strerror or "unknown").lower()
            message = f"cannot be listed ({reason}). Check its permissions."
            self.unseen[Path(error.filename or self._top)] = UnreadableError(message)

    def note_if_lost(self, path: Path) -> None:
        """Keep what may be a folder, such as a link to one that is not mounted."""
        if path.suffix.lower() in POLICY_SUFFIXES:
            return  # told when it is read
        try:
            path.stat()
        except OSError as error:
            if isinstance(error, FileNotFoundError) and not path.is_symlink():
                return
            reason = (error.strerror or "unknown").lower()
            message = f"leads nowhere ({reason}). Mend it or take it out."
            self.unseen[path] = UnreadableError(message)


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
