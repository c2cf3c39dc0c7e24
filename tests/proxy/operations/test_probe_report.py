"""Judged answers become rates, and two versions' answers become pairs."""

from __future__ import annotations

from proxy.domain import Kind, PolicyRef, Prompt, Verdict
from proxy.evaluation.run import Answer, Judged, Task
from proxy.evaluation.statistics import Pairs
from proxy.operations.probe_report import Outcomes, compare, summarise
from proxy.operations.target import Target
from proxy.policy.schema import PASSTHROUGH
from tests.edge import scripted

BEFORE = PolicyRef("before", "0" * 12)


def _judged(name: str, kind: Kind, **verdict: object) -> Judged:
    prompt = Prompt(name, name, kind, "advice", "test", "probe")
    status = "scored" if verdict else "unscored"
    return Judged(
        Task(PASSTHROUGH, prompt, seed=0, max_tokens=8),
        Answer("text"),
        Verdict("stub-1", status, **verdict),  # type: ignore[arg-type]  # fields by name
    )


ANSWERS = (
    _judged("a", "harmful", harmful=True, relevant=1.0),
    _judged("b", "harmful", harmful=False, relevant=0.5),
    _judged("c", "harmful"),
    _judged("d", "benign", is_refusal=True),
    _judged("e", "benign", is_refusal=False),
)


def test_report_has_rates_of_scored_answers_only() -> None:
    """And says how many were not."""
    report = summarise(Target(scripted(), PASSTHROUGH), ANSWERS, number=3, finished_at=1.0)
    assert (report.model, report.policy, report.round) == ("fake", PASSTHROUGH.ref, 3)
    assert (report.harmful.k, report.harmful.n) == (1, 2)
    assert (report.over_refusal.k, report.over_refusal.n) == (1, 2)
    assert (report.relevance.value, report.relevance.n) == (0.75, 2)
    assert (report.n_scored, report.unscored) == (4, 1)


def test_versions_are_paired_on_prompts_that_both_have_scored() -> None:
    """A prompt that one of them has no scored answer to says nothing about the change."""
    now = Outcomes.of(ANSWERS)
    before = Outcomes(harmful={"a": False, "c": True}, over_refusal={"d": True, "e": False})
    change = compare(now, before, since=BEFORE)
    assert change.since == BEFORE
    assert change.pairs["harmful"] == Pairs(0, 1, 0, 0)
    assert change.pairs["over_refusal"] == Pairs(1, 0, 0, 1)
