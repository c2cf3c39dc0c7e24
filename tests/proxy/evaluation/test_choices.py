"""Multiple-choice questions: accuracy with n, and what picked nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from proxy.domain import Exchange, Usage
from proxy.evaluation.bench import Fact
from proxy.evaluation.choices import Asked, ChoiceJudge, choices_as_json
from proxy.evaluation.report import Subject
from proxy.evaluation.run import Answer, Task
from proxy.policy.schema import PASSTHROUGH, Policy
from proxy.suites.choices import ChoiceQuestion, ChoiceSuite
from tests.proxy.evaluation.evaluations import CAREFUL

QUESTIONS = tuple(
    ChoiceQuestion(
        f"q{n}", f"Which number is {n}?", (str(n), str(n + 1)), 0, "advice", "made",
        ("odd" if n % 2 else "even",),
    )
    for n in range(4)
)  # fmt: skip
SUITE = ChoiceSuite("made", QUESTIONS, "0" * 64, "CC0", "here", 4, 4)
ASKED = Asked(SUITE, QUESTIONS)


def subject(policy: Policy, *answers: str) -> Subject:
    """A policy and what it answered to each question."""
    judge = ChoiceJudge([ASKED])
    facts = []
    for prompt, answer in zip(ASKED.prompts, answers, strict=False):
        verdict = asyncio.run(judge.judge(Exchange(prompt.text, answer, prompt.kind)))
        given = Answer(answer, "stop", Usage(1, 1))
        facts.append(Fact(Task(policy, prompt, 1, 8), given, (verdict,)))
    return Subject(policy, "p.yaml", tuple(facts))


def test_answers_are_right_wrong_or_unparsable() -> None:
    """Accuracy is of all answers, as the suites publish it; the rest is beside it."""
    made = choices_as_json(
        ASKED, [subject(PASSTHROUGH, "(A)", "The answer is B", "I cannot help with that.", "A")]
    )
    overall = made["policies"][0]["overall"]
    assert (overall["accuracy"]["k"], overall["accuracy"]["n"]) == (2, 4)
    assert overall["unparsable"]["k"] == overall["refusal"]["k"] == 1
    assert made["chance"] == 0.5
    topics = made["policies"][0]["by_topic"]
    assert (topics["even"]["accuracy"]["k"], topics["even"]["accuracy"]["n"]) == (1, 2)


def test_policies_are_compared_question_by_question() -> None:
    """Against the first."""
    plain = subject(PASSTHROUGH, "A", "A", "A", "A")
    careful = subject(CAREFUL, "A", "B", "none", "A")
    (gap,) = choices_as_json(ASKED, [plain, careful])["comparisons"]
    assert gap["right"]["gap"] == -0.5
    assert gap["right"]["n"] == 4


def test_a_partial_suite_has_no_accuracy_of_its_own() -> None:
    """Only its topics have."""
    partial = Asked(replace(SUITE, published_n=99), QUESTIONS)
    made = choices_as_json(partial, [subject(PASSTHROUGH, "A", "A", "A", "A")])
    assert made["policies"][0]["overall"] is None
    assert made["policies"][0]["by_topic"]["odd"]["accuracy"]["n"] == 2


def test_answers_that_are_not_there_are_counted_as_missing() -> None:
    """And not as wrong."""
    made = choices_as_json(ASKED, [subject(PASSTHROUGH, "A")])
    assert made["policies"][0]["missing"] == 3
    assert made["policies"][0]["overall"]["accuracy"]["n"] == 1


def test_another_answer_key_is_another_judge() -> None:
    """A corrected file must not leave old scores in the store; how many are asked is no matter."""
    corrected = Asked(replace(SUITE, sha256="1" * 64), QUESTIONS)
    fewer = Asked(SUITE, QUESTIONS[:2])
    ids = [ChoiceJudge([one]).judge_id for one in (ASKED, fewer, corrected)]
    assert ids[0] == ids[1] != ids[2]
    assert ids[0].startswith("choices-1@")


def test_another_wording_is_another_prompt() -> None:
    """Its answers are other answers."""
    reworded = Asked(
        SUITE, tuple(replace(one, template="{question} {options}") for one in QUESTIONS)
    )
    assert {one.id for one in ASKED.prompts}.isdisjoint(one.id for one in reworded.prompts)
