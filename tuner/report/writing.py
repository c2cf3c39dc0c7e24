"""What a writer has contributed to a run: its texts, and how far the candidates with them came."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tuner.candidate import Candidate
from tuner.report.facts import Facts
from tuner.report.genes import text_name
from tuner.report.trials import STAGES
from tuner.writing.history import accepted, origin_of, summary


def writing(facts: Facts, rows: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Counts and accepted texts as JSON values; None for a run without a writer.

    Args:
        facts: of the run.
        rows: as :func:`tuner.report.trials.trials` gives them.
    """
    counts = summary(facts.record)
    if counts is None:
        return None
    stages: dict[str | None, list[str]] = {}
    for row in rows:
        text = facts.candidates[row["key"]].genome.written
        stages.setdefault(text, []).append(row["stage"])
    texts = [
        {
            "name": text_name(one["text"]),
            "operator": one["operator"],
            "text": one["text"],
            "candidates": len(stages.get(one["text"], ())),
            "stage": max(stages.get(one["text"], ("",)), key=_far),
        }
        for one in accepted(facts.record)
    ]
    return counts | {"texts": texts}


def new_text(facts: Facts, before: Candidate, after: Candidate) -> dict[str, str] | None:
    """The written text that one candidate has and the other has not, and whose it is."""
    text = after.genome.written
    found = origin_of(facts.record, text)
    if found is None or text == before.genome.written:
        return None
    return {"by": found["writer"], "operator": found["operator"], "text": found["text"]}


def _far(stage: str) -> int:
    return STAGES.index(stage) if stage else -1
