"""What was written in a run, read back from its journal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from tuner.record import Record


def summary(record: Record) -> dict[str, Any] | None:
    """Counts of a run's writing as JSON values; None for a run without a writer."""
    writer = (record.find("run") or {}).get("writer")
    if writer is None:
        return None
    answers = [one.body for one in record.decisions if one.kind == "written"]
    rejected = Counter(body["rejected"] for body in answers if body["rejected"] is not None)
    off = record.find("writer_off")
    return {
        "name": writer["name"],
        "sha256": writer["sha256"],
        "most_calls": writer["most_calls"],
        "calls": len(answers),
        "accepted": len(answers) - rejected.total(),
        "rejected": dict(rejected.most_common()),
        "tokens": sum(body["tokens"] or 0 for body in answers),
        "prompt_tokens": sum(body["prompt_tokens"] or 0 for body in answers),
        "off": None if off is None else off["reason"],
    }


def in_words(counts: Mapping[str, Any]) -> str:
    """The same as one sentence."""
    reasons = ", ".join(f"{why} {count}" for why, count in counts["rejected"].items())
    rejected = (
        f"{counts['calls'] - counts['accepted']} rejected{f' ({reasons})' if reasons else ''}"
    )
    off = "" if counts["off"] is None else f"; left alone, as these came in a row: {counts['off']}"
    return (
        f"Writer {counts['name']}: asked for {counts['calls']} of at most {counts['most_calls']} "
        f"texts, {counts['accepted']} taken up, {rejected}; {counts['tokens']} tokens{off}."
    )


def accepted(record: Record) -> tuple[Mapping[str, Any], ...]:
    """The journal's entry of every text that entered the search, oldest first."""
    bodies = (one.body for one in record.decisions if one.kind == "written")
    return tuple(body for body in bodies if body["rejected"] is None)


def origin_of(record: Record, text: str | None) -> Mapping[str, Any] | None:
    """The journal's entry of one written text; None for no text."""
    return next((body for body in accepted(record) if body["text"] == text), None)
