"""One look at a canary: a round that both versions have answered, and what follows from it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from proxy.evaluation.run import Judged
from proxy.operations.canary import Canary
from proxy.operations.rollout_evidence import (
    add_round,
    first_round,
    found_by,
    in_words,
    judge_figures,
    last_look,
)
from proxy.operations.rollout_plan import RolloutPlan
from proxy.policy.rollout import AUTO, Entry, decisions
from proxy.wire.logfmt import logfmt

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Round:
    """A round that both versions of a comparison have answered.

    Args:
        canary: the comparison.
        among: all comparisons of the canary, this one included.
        number: of the round.
        new: the canary's answers; not empty.
        old: the stable version's.
    """

    canary: Canary
    among: Sequence[Canary]
    number: int
    new: Sequence[Judged]
    old: Sequence[Judged]


def conclude(at: Round, entries: Sequence[Entry], *, plan: RolloutPlan, now: float) -> Entry | None:
    """Return the step that follows from a round and all before it; None where it adds nothing.

    Args:
        at: the round.
        entries: the journal's, oldest first.
        plan: what may be done.
        now: Unix seconds.
    """
    canary, judge = at.canary, at.new[0].verdict.judge_id
    if _is_settled(at, entries):
        return None
    before = last_look(entries, canary, judge)
    probed = [other for other in at.among if other.is_probed]
    figures = add_round((before.figures or {}) if before else {}, at.new, at.old, among=len(probed))
    if figures is None:
        line = logfmt("rollout_round_empty", policy=canary.new, model=canary.model)
        _log.warning("%s", line)
        return None
    others = [
        # Another model may have a judge of its own.
        found_by(last_look(entries, other, judge if other.model == canary.model else None))
        for other in probed
        if other != canary
    ]
    rounds = 1 + (before.rounds if before else 0)
    step, because = plan.conclude(
        judge_figures(figures),
        elsewhere="better" if all(found == "better" for found in others) else "unclear",
        rounds=rounds,
        policy=canary.new.name,
        is_shadow=canary.is_shadow,
        unmeasured=sorted({other.model for other in at.among if not other.is_probed}),
    )
    what = f"{canary.model}, against {canary.old}, rounds: {rounds}; {in_words(figures)}"
    return Entry(
        at=datetime.fromtimestamp(now, UTC),
        who=AUTO,
        step=step,
        policy=canary.new.name,
        sha=canary.new.sha,
        old=str(canary.old),
        model=canary.model,
        round=at.number,
        rounds=rounds,
        judge=judge,
        figures=figures,
        why=f"{because} {what}",
    )


def is_overtaken(at: Round, read: Sequence[Entry], now: Sequence[Entry]) -> bool:
    """Whether something came after what a round was concluded from, and has the last word.

    A decision about the version, by a person or another server; a retry, after which the round is
    one of those that count no more; or a look at this round or a later one.

    Args:
        at: the round.
        read: the journal's steps that its conclusion was drawn from.
        now: those of now.
    """
    return _is_settled(at, now) or _n_retries(at, now) > _n_retries(at, read)


def _is_settled(at: Round, entries: Sequence[Entry]) -> bool:
    if at.canary.new in decisions(entries):
        return True  # by a person just now, or another server: the snapshot follows in a moment
    # Counted: the same prompts with the same seeds say nothing new.
    return at.number < first_round(entries, at.canary)


def _n_retries(at: Round, entries: Sequence[Entry]) -> int:
    return sum(entry.step == "retry" and entry.ref == at.canary.new for entry in entries)
