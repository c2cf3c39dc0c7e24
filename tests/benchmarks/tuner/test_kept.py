"""A comparison that is cut off goes on where it was, and not with another code's searches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.tuner.kept import Searches, code_sha256


@dataclass(frozen=True, slots=True)
class Found:
    """A result."""

    name: str
    seed: int


def search(name: str, seed: int) -> Found:
    """One that takes no time."""
    return Found(name, seed)


def decode(data: dict[str, Any]) -> Found:
    """The inverse of `asdict`."""
    return Found(**data)


def never(name: str, seed: int) -> Found:
    """One that must not be needed."""
    raise AssertionError(f"{name} {seed} was searched again")


JOBS = [(name, seed) for seed in (1, 2) for name in ("a", "b")]


@pytest.mark.parametrize("processes", [1, 2])
def test_what_is_kept_is_not_done_again(tmp_path: Path, processes: int) -> None:
    """Results come in the order of the jobs, whoever did them and when."""
    searches = Searches(tmp_path / "kept.jsonl", search, decode, "code")
    searches.of(JOBS[1:3], processes)
    assert searches.of(JOBS, processes) == [Found(*job) for job in JOBS]
    assert replace(searches, search=never).of(JOBS, processes) == [Found(*job) for job in JOBS]


def test_half_a_line_is_done_again(tmp_path: Path) -> None:
    """Killed while it was written."""
    searches = Searches(tmp_path / "kept.jsonl", search, decode, "code")
    searches.of(JOBS, 1)
    text = searches.path.read_text()
    searches.path.write_text(text[:-9])
    assert searches.of(JOBS, 1) == [Found(*job) for job in JOBS]
    assert searches.path.read_text() == text


def test_other_code_searches_anew(tmp_path: Path) -> None:
    """Mixed results would be neither code's."""
    searches = Searches(tmp_path / "kept.jsonl", search, decode, code_sha256())
    searches.of(JOBS, 1)
    with pytest.raises(AssertionError, match="a 1 was searched again"):
        replace(searches, search=never, code="other").of(JOBS, 1)
