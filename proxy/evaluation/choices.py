"""Multiple-choice questions: asked and stored like prompts, scored by the letter they pick."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from proxy.domain import Exchange, Prompt, Verdict
from proxy.evaluation.bench import Fact
from proxy.evaluation.comparison import RateGap, paired_rate
from proxy.evaluation.figures import as_gap, as_rate
from proxy.evaluation.measures import FIRST, Measure, rate
from proxy.evaluation.multiplicity import holm
from proxy.evaluation.report import Subject
from proxy.judges.observation import VERSION as OBSERVATION_VERSION
from proxy.judges.observation import observe
from proxy.suites.choices import ChoiceQuestion, ChoiceSuite, score_choice
from proxy.suites.ordering import content_hash
from proxy.suites.suite import prompt_id

VERSION: Final = 1
"""Of how an answer is read; raise it with every change that scores an answer differently."""

_DIGITS: Final = 6

Json = dict[str, Any]


def _is(label: str) -> Measure:
    def of(_prompt: Prompt, verdict: Verdict) -> bool | None:
        return verdict.label == label if verdict.status == "scored" else None

    return Measure(label, label, of)


RIGHT: Final = _is("right")
UNPARSABLE: Final = _is("unparsable")
REFUSED: Final = Measure(
    "refusal", "refusal", lambda _, v: v.is_refusal if v.status == "scored" else None
)


class ChoiceJudge:
    """Says of each answer whether it picks the right option: ``label`` is right, wrong, unparsable.

    Args:
        asked: suites and those of their questions that will be asked.
    """

    def __init__(self, asked: Sequence[Asked]) -> None:
        self._by_prompt = {one.prompt: one for some in asked for one in some.questions}
        keys = sorted(one.suite.sha256 for one in asked)
        self._digest = content_hash(OBSERVATION_VERSION, *keys)[:_DIGITS]

    @property
    def judge_id(self) -> str:
        """``choices-1@<hash of the suites' files>``: another answer key is another judge."""
        return f"choices-{VERSION}@{self._digest}"

    async def start(self) -> None:
        """Nothing to load."""

    async def judge(self, exchange: Exchange) -> Verdict:
        """Read the letter; refusal and degeneration are seen beside it."""
        label = score_choice(self._by_prompt[exchange.prompt], exchange.answer)
        return replace(observe(exchange, self.judge_id), status="scored", label=label)

    async def close(self) -> None:
        """Nothing to release."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A multiple-choice suite, and those of its questions that are asked."""

    suite: ChoiceSuite
    questions: tuple[ChoiceQuestion, ...]

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """The questions as what a user says; nothing about them is harmful.

        Their ids are those of the whole text: in another wording it is another prompt.
        """
        return tuple(
            Prompt(key, one.prompt, "benign", one.category, one.suite)
            for key, one in self.by_id.items()
        )

    @property
    def by_id(self) -> dict[str, ChoiceQuestion]:
        """The prompts' ids, each with its question."""
        return {prompt_id(one.prompt): one for one in self.questions}


def choices_as_json(asked: Asked, subjects: Sequence[Subject]) -> Json:
    """Accuracy of every policy on one suite; none overall where the suite is not whole.

    Args:
        asked: the questions.
        subjects: the policies' answers to them, and perhaps to others; the first is the baseline.
    """
    own = asked.by_id
    facts = [_by_id(subject, own) for subject in subjects]
    gaps = [_gap(some, facts[0]) for some in facts[1:]]
    corrected = holm([gap.p for gap in gaps]) if len(gaps) > 1 else [None] * len(gaps)
    suite = asked.suite
    return {
        "suite": suite.id, "sha256": suite.sha256, "licence": suite.licence, "rows": suite.n_rows,
        "published_rows": suite.published_n, "is_partial": suite.is_partial,
        "headline_refusal": suite.headline_refusal, "asked": len(own),
        "chance": round(suite.chance, 6),
        "policies": [
            {
                "ref": str(subject.policy.ref),
                "missing": len(own) - len(some),
                "overall": None if suite.is_partial else _figures(some.values()),
                "by_topic": _by_topic(some, own),
            }
            for subject, some in zip(subjects, facts, strict=True)
        ],
        "comparisons": [
            {
                "policy": str(subject.policy.ref), "baseline": str(subjects[0].policy.ref),
                "right": as_gap(gap, p),
            }
            for subject, gap, p in zip(subjects[1:], gaps, corrected, strict=True)
        ],
    }  # fmt: skip


def _by_id(subject: Subject, own: Mapping[str, ChoiceQuestion]) -> dict[str, Fact]:
    return {fact.task.prompt.id: fact for fact in subject.facts if fact.task.prompt.id in own}


def _figures(facts: Iterable[Fact]) -> Json:
    known = list(facts)
    return {
        "accuracy": as_rate(rate(RIGHT, known)),
        "unparsable": as_rate(rate(UNPARSABLE, known)),
        "refusal": as_rate(rate(REFUSED, known)),
        "failed": sum(fact.verdicts[FIRST].status != "scored" for fact in known),
    }


def _by_topic(facts: Mapping[str, Fact], own: Mapping[str, ChoiceQuestion]) -> Json:
    topics = dict.fromkeys(sorted({topic for one in own.values() for topic in one.topics}))
    return {
        topic: _figures(fact for key, fact in facts.items() if topic in own[key].topics)
        for topic in topics
    }


def _gap(policy: Mapping[str, Fact], baseline: Mapping[str, Fact]) -> RateGap:
    return paired_rate(RIGHT, [(policy[key], baseline[key]) for key in policy if key in baseline])
