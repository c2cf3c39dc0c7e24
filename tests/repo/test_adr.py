"""Decision records are numbered without gaps and say what they must."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ADRS = sorted((Path(__file__).parents[2] / "docs" / "adr").glob("*.md"))
SECTIONS = (
    "Status:",
    "## Context",
    "## Decision",
    "## Consequences",
    "## What would change our mind",
)


def test_adr_numbers_are_unique_and_without_gaps() -> None:
    """A record is found by its number."""
    numbers = [int(path.name[:4]) for path in ADRS]
    assert numbers == list(range(1, len(ADRS) + 1))


@pytest.mark.parametrize("path", ADRS, ids=lambda path: path.stem)
def test_adr_has_its_number_and_sections(path: Path) -> None:
    """Status, context, decision, consequences, and what would change our mind."""
    text = path.read_text(encoding="utf-8")
    assert re.match(rf"# {int(path.name[:4])}\. ", text)
    assert [section for section in SECTIONS if section not in text] == []
