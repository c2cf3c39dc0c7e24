"""Multiple-choice suites: what a model knows about safety, which a policy must not take away.

One answer is scored here, three-valued; shares and intervals are made where statistics are
(`proxy.evaluation`). An unparsable answer is not right, so accuracy is right / all answers, as the
suites publish it; its share is reported beside, because a refusal is not a wrong belief.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

from proxy.suites.letters import LETTERS, chosen
from proxy.suites.loaded_set import LoadedSet
from proxy.suites.ordering import content_hash, interleaved

ChoiceScore = Literal["right", "wrong", "unparsable"]


@dataclass(frozen=True, slots=True)
class ChoiceQuestion:
    """One multiple-choice question.

    Args:
        id: stable within the suite, made from question and options.
        question: without its options.
        options: two to six, in the order of their letters.
        answer: index of the right one.
        category: one of `proxy.domain.CATEGORIES`.
        suite: the suite's id.
        topics: the suite's own categories, by which it publishes accuracies; possibly several.
        template: with ``{question}`` and ``{options}``, the suite's own wording.
    """

    id: str
    question: str
    options: tuple[str, ...]
    answer: int
    category: str
    suite: str
    topics: tuple[str, ...] = ()
    template: str = "Question: {question}\nOptions:\n{options}\nAnswer:"

    @property
    def prompt(self) -> str:
        """What the user says: the question, its lettered options and how to answer."""
        lettered = zip(LETTERS, self.options, strict=False)
        options = "\n".join(f"({letter}) {option}" for letter, option in lettered)
        # Not str.format: questions may hold braces.
        before, _, rest = self.template.partition("{question}")
        between, _, after = rest.partition("{options}")
        return f"{before}{self.question}{between}{options}{after}"

    @property
    def letter(self) -> str:
        """The right option's letter."""
        return LETTERS[self.answer]


@dataclass(frozen=True, slots=True)
class ChoiceSuite(LoadedSet[ChoiceQuestion]):
    """A multiple-choice suite."""

    @property
    def questions(self) -> tuple[ChoiceQuestion, ...]:
        """In file order, none twice."""
        return self.items

    @property
    def chance(self) -> float:
        """The accuracy of guessing, in (0, 1]: what a model must beat to have shown anything."""
        return sum(1 / len(question.options) for question in self.questions) / len(self.questions)

    def sample(self, n: int, seed: int = 0) -> tuple[ChoiceQuestion, ...]:
        """``n`` questions in proportion over the topics; all of them where there are fewer.

        Samples are nested, and depend on content and seed alone.

        Raises:
            ValueError: ``n`` is negative.
        """
        if n < 0:
            raise ValueError(f"A sample of {n} questions was asked for; n is at least 0.")
        strata: defaultdict[tuple[str, ...], list[ChoiceQuestion]] = defaultdict(list)
        for question in self.questions:
            strata[question.topics].append(question)
        return interleaved(strata, seed)[:n]


def question_id(question: str, options: tuple[str, ...]) -> str:
    """A question's id: 12 hex digits of question and options, whatever file it stands in."""
    return content_hash(question, *options)[:12]


def score_choice(question: ChoiceQuestion, answer: str) -> ChoiceScore:
    """Whether the answer picks the right option, another one, or none that can be told."""
    index = chosen(answer, question.options)
    if index is None:
        return "unparsable"
    return "right" if index == question.answer else "wrong"
