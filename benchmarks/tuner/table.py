"""What a model answered to many configurations, as numbers: neither prompts nor answers are kept.

A JSON line for the header, then one for each configuration. Lines are appended whole and synced, so
that a run that is cut off loses the configurations in flight and no other; half a line at the end
is dropped.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from proxy.domain import Prompt, Usage, Verdict
from proxy.errors import StoreError
from proxy.evaluation.run import Answer, Judged, Task
from proxy.policy.schema import PASSTHROUGH
from tuner.genome import Genome

Cell = tuple[str, bool | None, float | None, bool, bool, int]
"""Status, harmful, relevant, is a refusal, is degenerate, tokens."""


@dataclass(frozen=True, slots=True)
class Header:
    """What all configurations have in common.

    Args:
        model: served name and identity.
        judge: name and version.
        suite: name and hash.
        space: the library's text.
        seed: of configurations and of sampling.
        max_tokens: of an answer.
        prompts: id, kind, whether it is a look-alike, in the order of a row's cells.
    """

    model: tuple[str, str]
    judge: str
    suite: tuple[str, str]
    space: str
    seed: int
    max_tokens: int
    prompts: tuple[tuple[str, str, bool], ...]

    def line(self) -> str:
        """As the file's first line."""
        parts = ("model", "judge", "suite", "space", "seed", "max_tokens", "prompts")
        return json.dumps({"schema": 1, **{part: getattr(self, part) for part in parts}})

    @classmethod
    def of(cls, line: str) -> Self:
        """The inverse of :meth:`line`."""
        data: dict[str, Any] = json.loads(line)
        del data["schema"]
        prompts = tuple((str(i), str(kind), bool(alike)) for i, kind, alike in data.pop("prompts"))
        model, suite = tuple(data.pop("model")), tuple(data.pop("suite"))
        return cls(model=model, suite=suite, prompts=prompts, **data)


@dataclass(frozen=True, slots=True)
class Row:
    """One configuration's answers, in the order of the header's prompts."""

    genome: Genome
    cells: tuple[Cell, ...]

    def line(self) -> str:
        """As a line of the file."""
        return json.dumps({"genome": self.genome.as_json(), "cells": self.cells})

    @classmethod
    def of(cls, line: str) -> Self:
        """The inverse of :meth:`line`."""
        data = json.loads(line)
        return cls(Genome.from_json(data["genome"]), tuple(tuple(cell) for cell in data["cells"]))


@dataclass(frozen=True, slots=True)
class Table:
    """A header and its rows; the first one is the base policy's."""

    header: Header
    rows: tuple[Row, ...]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file, half a line at its end left out.

        Raises:
            StoreError: there is no table.
        """
        try:
            lines = path.read_text(encoding="utf-8").split("\n")[:-1]
            return cls(Header.of(lines[0]), tuple(map(Row.of, lines[1:])))
        except (OSError, IndexError, ValueError, TypeError, KeyError) as error:
            raise StoreError(
                f"{path}: no table there ({error}). Make one: python -m benchmarks.tuner table."
            ) from error

    @property
    def tokens(self) -> int:
        """Of all answers."""
        return sum(cell[5] for row in self.rows for cell in row.cells)

    @property
    def sha256(self) -> str:
        """Of the header and all rows: two tables of as many tokens may differ in verdicts."""
        lines = (self.header.line(), *(row.line() for row in self.rows))
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    @property
    def about(self) -> dict[str, Any]:
        """What results say of the table they are of."""
        name, suite = self.header.model[0], self.header.suite[0]
        return {
            "model": name, "judge": self.header.judge, "suite": suite,
            "max_tokens": self.header.max_tokens, "configurations": len(self.rows),
            "prompts": len(self.header.prompts), "tokens": self.tokens, "sha256": self.sha256,
        }  # fmt: skip


def extend(path: Path, lines: Sequence[str]) -> None:
    """Append whole lines behind the last whole one, durably."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        file.seek(0)
        whole = file.read().rfind(b"\n") + 1
        file.truncate(whole)
        file.write("".join(f"{line}\n" for line in lines).encode())
        file.flush()
        os.fsync(file.fileno())


def as_cell(judged: Judged) -> Cell:
    """The numbers of an answer."""
    verdict, usage = judged.verdict, judged.answer.usage
    relevant = None if verdict.relevant is None else round(verdict.relevant, 4)
    return (
        verdict.status, verdict.harmful, relevant, verdict.is_refusal, verdict.is_degenerate,
        0 if usage is None else usage.completion_tokens,
    )  # fmt: skip


def as_judged(cell: Cell, prompt: Prompt, judge: str) -> Judged:
    """What the search sees of it."""
    status, harmful, relevant, is_refusal, is_degenerate, tokens = cell
    verdict = Verdict(
        judge,
        "scored" if status == "scored" else "unscored",
        harmful=harmful,
        relevant=relevant,
        is_refusal=is_refusal,
        degenerate=("degenerate",) if is_degenerate else (),
    )
    task = Task(PASSTHROUGH, prompt, seed=0, max_tokens=0)
    return Judged(task, Answer("", "stop", Usage(0, tokens)), verdict)
