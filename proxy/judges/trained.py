"""What ``make judge`` wrote: the assets beside this file, and what all of them hold."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

from proxy.errors import JudgeError
from proxy.judges.cards import Card

_SHA_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class Asset:
    """A trained head as its file describes it.

    Args:
        document: the whole file.
        sha: the first six hex digits of its sha256.
        card: the errors of the judge around the head; None where they were not measured.
    """

    document: dict[str, Any]
    sha: str
    card: Card | None


def content_of(name: str) -> bytes:
    """The bytes of an asset that ships with GuardTune."""
    return (resources.files("proxy.judges") / "assets" / name).read_bytes()


def parse(content: bytes, *, name: str, version: int) -> Asset:
    """What an asset's bytes say.

    Args:
        content: a JSON object with ``version`` and perhaps ``card``.
        name: of the file, for messages.
        version: the one that this code reads.

    Raises:
        JudgeError: it is of another version.
    """
    document = json.loads(content)
    if document["version"] != version:
        raise JudgeError(outdated(name, document["version"], version))
    card = Card.read(document["card"]) if "card" in document else None
    return Asset(document, hashlib.sha256(content).hexdigest()[:_SHA_DIGITS], card)


def outdated(name: str, version: int, expected: int) -> str:
    """The message that a file was trained for other code than this."""
    return (
        f"{name}: made for another version of the code (asset version {version}, expected "
        f"{expected}). Run `make judge` to train it anew."
    )
