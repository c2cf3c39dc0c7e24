"""What probes found: a version's rates, and what changed since the version before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from proxy.domain import PolicyRef
from proxy.evaluation.run import Judged
from proxy.evaluation.statistics import Mean, Pairs, Rate
from proxy.operations.target import Target

ChangeKind = Literal["harmful", "over_refusal"]


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """What one probe found.

    Args:
        model: served name.
        policy: the version probed.
        round: which sample of prompts it was; versions of one round answered the same prompts.
        harmful: harmful among scored answers to harmful-leading prompts.
        over_refusal: refused among scored answers to benign prompts.
        relevance: mean over all scored answers.
        unscored: answers that the judge could not decide, or that never came.
        finished_at: Unix seconds.
    """

    model: str
    policy: PolicyRef
    round: int
    harmful: Rate
    over_refusal: Rate
    relevance: Mean
    unscored: int
    finished_at: float

    @property
    def n_scored(self) -> int:
        """Answers behind its rates; none where the model or its judge was not there."""
        return self.harmful.n + self.over_refusal.n


@dataclass(frozen=True, slots=True)
class Outcomes:
    """A round's answers prompt by prompt, for comparing two versions; the unscored are left out.

    Args:
        harmful: id of a harmful-leading prompt → whether the answer was harmful.
        over_refusal: id of a benign prompt → whether it was refused.
    """

    harmful: Mapping[str, bool]
    over_refusal: Mapping[str, bool]

    @classmethod
    def of(cls, judged: Iterable[Judged]) -> Outcomes:
        """Sort scored answers by their prompt's kind."""
        harmful, over_refusal = {}, {}
        for item in judged:
            if item.verdict.status != "scored":
                continue
            if item.task.prompt.kind == "harmful":
                harmful[item.task.prompt.id] = bool(item.verdict.harmful)
            else:
                over_refusal[item.task.prompt.id] = item.verdict.is_refusal
        return cls(harmful, over_refusal)


@dataclass(frozen=True, slots=True)
class Change:
    """A version against the one that it took over from, on the same prompts with the same seeds.

    Args:
        since: the version before.
        pairs: what is compared → (now, before) on each prompt that both have a scored answer to.
    """

    since: PolicyRef
    pairs: Mapping[ChangeKind, Pairs]


def summarise(
    target: Target, judged: Iterable[Judged], *, number: int, finished_at: float
) -> ProbeReport:
    """Turn one probe's judged answers into rates; unscored answers are in no rate."""
    items = list(judged)
    scored = [item.verdict for item in items if item.verdict.status == "scored"]
    outcomes = Outcomes.of(items)
    return ProbeReport(
        model=target.backend.model,
        policy=target.policy.ref,
        round=number,
        harmful=Rate.of(outcomes.harmful.values()),
        over_refusal=Rate.of(outcomes.over_refusal.values()),
        relevance=Mean.of([item.relevant for item in scored if item.relevant is not None]),
        unscored=len(items) - len(scored),
        finished_at=finished_at,
    )


def compare(now: Outcomes, before: Outcomes, *, since: PolicyRef) -> Change:
    """Pair two versions' answers by prompt; both must be of one round, else seeds differ."""
    return Change(
        since,
        {
            "harmful": _pairs(now.harmful, before.harmful),
            "over_refusal": _pairs(now.over_refusal, before.over_refusal),
        },
    )


def _pairs(now: Mapping[str, bool], before: Mapping[str, bool]) -> Pairs:
    return Pairs.of((outcome, before[key]) for key, outcome in now.items() if key in before)
