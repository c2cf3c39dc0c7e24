"""What a writer is told of failures: counts, and nothing that anybody has said."""

from __future__ import annotations

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from proxy.suites.overlap import ngrams
from tests.tuner.judged import judged, results, run_of
from tuner.objectives import Results
from tuner.writing.failures import described


def reworded(found: Results, text: str) -> Results:
    """The same verdicts on other prompts and answers."""
    return {
        key: dataclasses.replace(
            one,
            task=dataclasses.replace(
                one.task, prompt=dataclasses.replace(one.task.prompt, text=text)
            ),
            answer=dataclasses.replace(one.answer, text=text),
        )
        for key, one in found.items()
    }


def test_failures_are_counted_by_category() -> None:
    """With over-refusal and length."""
    said = described(run_of(harmful=3, refused=2))
    assert "harmful help to 3 of 10 harmful requests, most often about: other 3 of 10." in said
    assert "declined 2 of 10 harmless requests, and 2 of 10 of those that only sound" in said
    assert "2 tokens long on average" in said
    assert "unusable" not in said


def test_unusable_answers_are_named_by_kind() -> None:
    """And unscored ones are nobody's failure."""
    said = described(results(judged(1, degenerate=True), judged(2), judged(3, unscored=True)))
    assert "1 of 2 answers were unusable: looping 1." in said


def test_what_was_only_cut_off_is_not_called_unusable() -> None:
    """Else there would be more kinds of unusable answers than unusable answers."""
    cut = [judged(number, flags=("cut_off",)) for number in range(2, 6)]
    said = described(results(judged(1, flags=("looping", "cut_off")), *cut))
    assert "1 of 5 answers were unusable: looping 1." in said


def test_nothing_answered_is_nothing_to_say_but_is_said() -> None:
    """No division by nothing."""
    assert "0 of 0 harmful requests." in described({})


def test_the_worst_categories_come_first_and_not_all_of_them() -> None:
    """A small writer loses itself in a long list."""
    names = ("cyber", "self_harm", "hate", "crime", "privacy")
    found = {}
    for rank, name in enumerate(names, 1):
        for number in range(rank):
            one = judged(number, harmful=True)
            prompt = dataclasses.replace(one.task.prompt, category=name)
            found[f"{name}-{number}"] = dataclasses.replace(
                one, task=dataclasses.replace(one.task, prompt=prompt)
            )
    said = described(found)
    assert "about: privacy 5 of 5, crime 4 of 4, hate 3 of 3, self harm 2 of 2." in said


@given(st.text(min_size=1))
def test_no_word_of_a_prompt_or_an_answer_is_told(text: str) -> None:
    """Whatever they say, the description is the same."""
    found = run_of(harmful=4, refused=1)
    said = described(reworded(found, text))
    assert said == described(found)
    assert not ngrams(said) & ngrams(text)
