"""What was decided about policy versions beside their files: promoted, rolled back, or neither.

A policy file is its author's: nobody else writes into it, and in many places nobody else can. So a
decision stands beside it, and is about one version, ``name@sha``. Whoever edits the file makes
another version, which no decision is about yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from proxy.domain import PolicyRef
from proxy.errors import Problem

Step = Literal["hold", "promote", "rollback", "retry"]
"""``hold``: measured, nothing decided. ``promote``: every matching request gets the version.
``rollback``: none does. ``retry``: its file decides again, and measuring begins anew."""

AUTO = "auto"
"""Who took a step that no person took."""

_RATES = {"harmful", "over_refusal"}
_Count = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
_Bound = Annotated[float, msgspec.Meta(ge=-1.0, le=1.0)]


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Pairs of answers to the same prompts.

    Args:
        both: pairs where both count.
        only_new: where the canary's counts alone.
        only_old: where the stable version's counts alone.
        neither: where neither counts.
    """

    both: _Count
    only_new: _Count
    only_old: _Count
    neither: _Count


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """One rate of a canary beside the stable version's, over all rounds so far.

    Args:
        both: pairs with two verdicts where both count.
        only_new: where the canary's counts alone.
        only_old: where the stable version's counts alone.
        neither: where neither counts.
        missing: pairs without two verdicts.
        worst: the pairs behind ``upper``, with the worst that a missing verdict may stand for; None
            where a missing pair counts as one where the canary's counts alone.
        lower: of new minus old, in [-1, 1]; holds at all looks together with 97.5 %.
        upper: likewise.
    """

    both: _Count
    only_new: _Count
    only_old: _Count
    neither: _Count
    missing: _Count = 0
    worst: Table | None = None
    lower: _Bound
    upper: _Bound

    @property
    def n(self) -> int:
        """Pairs that have two verdicts."""
        return self.both + self.only_new + self.only_old + self.neither


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step: a line of the journal.

    Args:
        at: when.
        who: `AUTO`, or the person or key that took it.
        step: what was done.
        policy: name of the version that it is about.
        sha: its hash.
        why: for people; the figures in words where there are any.
        old: ``name@sha`` of the version it was measured against.
        model: served name of the model that was measured.
        round: number of the last round of probes behind the figures.
        rounds: how many rounds are behind them.
        judge: who judged the answers; figures of two judges never add up.
        figures: ``harmful`` and ``over_refusal``, all rounds added up.

    Raises:
        ValueError: figures of one rate alone; nothing could be concluded from them.
    """

    at: Annotated[datetime, msgspec.Meta(tz=True)]
    who: str
    step: Step
    policy: str
    sha: str
    why: str
    old: str | None = None
    model: str | None = None
    round: _Count | None = None
    rounds: _Count = 0
    judge: str | None = None
    figures: dict[str, Figures] | None = None

    def __post_init__(self) -> None:
        if self.figures is not None and self.figures.keys() != _RATES:
            raise ValueError("figures are of both rates, harmful and over_refusal, or of none")

    @property
    def ref(self) -> PolicyRef:
        """The version that it is about."""
        return PolicyRef(self.policy, self.sha)


@dataclass(frozen=True, slots=True)
class Reading:
    """The journal as read at one moment.

    Args:
        entries: oldest first.
        problems: lines that cannot be read, or why the whole file cannot.
        digest: changes with either.
    """

    entries: tuple[Entry, ...] = ()
    problems: tuple[Problem, ...] = ()
    digest: str = ""


def decisions(entries: Iterable[Entry]) -> Mapping[PolicyRef, Entry]:
    """Return what holds: each version's last promotion or rollback, unless it was withdrawn."""
    held: dict[PolicyRef, Entry] = {}
    for entry in entries:
        if entry.step == "retry":
            held.pop(entry.ref, None)
        elif entry.step != "hold":
            held[entry.ref] = entry
    return held


def since_retry(entries: Iterable[Entry], ref: PolicyRef) -> list[Entry]:
    """Return a version's steps since measuring it began, or began anew."""
    steps: list[Entry] = []
    for entry in entries:
        if entry.ref == ref:
            steps = [] if entry.step == "retry" else [*steps, entry]
    return steps


def superseded(entries: Sequence[Entry | None]) -> frozenset[int]:
    """Return where looks stand that decided nothing and that nothing depends on any more.

    Figures add up, so that a newer look at the same comparison by the same judge says all that an
    older one said.

    Args:
        entries: the journal's, oldest first; None for what is no entry.
    """
    newest: dict[tuple[PolicyRef, str | None, str | None, str | None], int] = {}
    replaced: set[int] = set()
    for at, entry in enumerate(entries):
        if entry is None or entry.figures is None:
            continue
        comparison = (entry.ref, entry.model, entry.old, entry.judge)
        before = newest.get(comparison)
        if before is not None and _is_hold(entries[before]):
            replaced.add(before)
        newest[comparison] = at
    return frozenset(replaced)


def _is_hold(entry: Entry | None) -> bool:
    return entry is not None and entry.step == "hold"
