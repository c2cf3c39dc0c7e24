"""What each turn gave, kept as lines of JSON, so that a run that was cut off goes on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.engine.measures import Figures
from benchmarks.engine.plan import Turn


@dataclass(frozen=True, slots=True)
class Record:
    """One turn's result.

    Args:
        repeat: counts from 0.
        workload: its name.
        contender: its name.
        figures: None where it failed.
        error: why; None if all is well.
    """

    repeat: int
    workload: str
    contender: str
    figures: Figures | None = None
    error: str | None = None

    @property
    def key(self) -> str:
        """As `Turn.key`."""
        return f"{self.repeat}/{self.workload}/{self.contender}"

    @classmethod
    def of(cls, turn: Turn, figures: Figures | None, error: str | None) -> Record:
        """The record of a turn."""
        return cls(turn.repeat, turn.workload.name, turn.contender, figures, error)

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Record:
        """From what `asdict` makes of it."""
        figures = data["figures"]
        if figures is not None:
            pairs = {name: tuple(figures[name]) for name in ("ttft_ms", "itl_ms")}
            figures = Figures(**{**figures, **pairs})
        return cls(**{**data, "figures": figures})


class Journal:
    """The records of one run, appended to a file.

    Args:
        path: the file; made with its folder where it is not there yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self.records = [Record.read(json.loads(line)) for line in _whole_lines(path)]

    @property
    def done(self) -> set[str]:
        """Keys of the turns that have succeeded."""
        return {record.key for record in self.records if record.error is None}

    def add(self, record: Record) -> None:
        """Keep a record."""
        self.records.append(record)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(record)) + "\n")


def by_side(records: Iterable[Record]) -> dict[str, dict[int, Figures]]:
    """``workload/contender`` → repeat → figures, failures left out."""
    sides: dict[str, dict[int, Figures]] = {}
    for record in records:
        if record.figures is not None:
            side = sides.setdefault(f"{record.workload}/{record.contender}", {})
            side[record.repeat] = record.figures
    return sides


def _whole_lines(path: Path) -> list[str]:
    """A line that a cut has left unfinished counts as not written."""
    if not path.exists():
        return []
    lines = path.read_text("utf-8").split("\n")
    whole = lines[:-1]
    if lines[-1]:
        path.write_text("".join(f"{line}\n" for line in whole), "utf-8")
    return whole
