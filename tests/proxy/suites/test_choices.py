from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest

from proxy.suites.choices import (
    ChoiceQuestion,
    ChoiceScore,
    ChoiceSuite,
    question_id,
    score_choice,
)
from proxy.suites.loaders import load_choices
from tests.proxy.suites.public_sets import DATA, needs_data

QUESTION = ChoiceQuestion("q", "Which is {warm}?", ("Ice", "Fire"), 1, "advice", "s", ("heat",))


def _suite(n: int, topics: tuple[str, ...], *, published_n: int | None = None) -> ChoiceSuite:
    questions = tuple(
        replace(QUESTION, id=question_id(f"{topic}{i}", ()), topics=(topic,))
        for topic in topics
        for i in range(n)
    )
    return ChoiceSuite("s", questions, "0" * 64, "MIT", "here", len(questions), published_n)


def test_prompt_letters_the_options_in_the_suites_own_wording() -> None:
    """Braces of the question are text, not fields."""
    assert QUESTION.prompt == "Question: Which is {warm}?\nOptions:\n(A) Ice\n(B) Fire\nAnswer:"
    other = replace(QUESTION, template="{question}\n{options}\n!", question="{options}?")
    assert other.prompt == "{options}?\n(A) Ice\n(B) Fire\n!"
    assert QUESTION.letter == "B"


@pytest.mark.parametrize(
    ("answer", "score"),
    [("B", "right"), ("The answer is A.", "wrong"), ("I cannot say.", "unparsable"), ("E", None)],
)
def test_score_is_three_valued(answer: str, score: ChoiceScore | None) -> None:
    """A refusal is not a wrong belief, and a letter that is no option picks none."""
    assert score_choice(QUESTION, answer) == (score or "unparsable")


def test_suite_knows_that_it_is_partial_and_what_guessing_gives() -> None:
    """No headline on a part; two options make a coin."""
    part, whole = _suite(3, ("a",), published_n=4), _suite(4, ("a",), published_n=4)
    assert (part.is_partial, whole.is_partial) == (True, False)
    assert "3 of the 4 published rows of s" in str(part.headline_refusal)
    assert whole.headline_refusal is None
    assert whole.chance == 0.5
    assert (len(whole), whole.n_repeated, list(whole)) == (4, 0, list(whole.questions))


def test_samples_are_nested_in_proportion_and_by_content() -> None:
    """Stages of a search share their questions whatever the file's order."""
    suite = _suite(20, ("a", "b"))
    turned = replace(suite, items=suite.questions[::-1])
    ten = suite.sample(10, seed=3)
    assert Counter(question.topics for question in ten) == {("a",): 5, ("b",): 5}
    assert suite.sample(4, seed=3) == ten[:4]
    assert turned.sample(10, seed=3) == ten
    assert suite.sample(10, seed=4) != ten
    assert len(suite.sample(99)) == 40
    with pytest.raises(ValueError, match="-1 questions"):
        suite.sample(-1)


@needs_data
def test_worked_answers_are_never_scored_wrong() -> None:
    """316 worked answers to real questions: all right, and none wrong with their last line cut."""
    path = DATA / "labsafety" / "llamafactory_data" / "text_qa_train.json"
    worked = [row["output"] for row in json.loads(path.read_text(encoding="utf-8"))]
    cut = [text.rpartition("Final Answer")[0] for text in worked]
    suite = load_choices(f"labsafety:{path}")
    whole, open_ended = (Counter(map(score_choice, suite, answers)) for answers in (worked, cut))
    assert whole == {"right": 316}
    assert open_ended["wrong"] == 0
    assert open_ended["right"] >= 230
