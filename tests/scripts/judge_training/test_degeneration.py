"""Real answers raise no flag, made ones their own."""

from __future__ import annotations

import pytest

pytest.importorskip("sklearn", reason="scikit-learn only trains the judge")

from scripts.judge_training.degeneration import (
    MEASURES,
    fired,
    limits,
    made_exchanges,
    open_ended,
    real_exchanges,
)
from scripts.judge_training.examples import seeded

ANSWER = (
    "Plant {n} needs less water in winter, since it grows slowly when the days are short. Let the "
    "upper soil dry before you water it again, and keep it away from the radiator. Turn the pot "
    "every week, so that all of its sides get some light, and if the air in your room is very dry, "
    "put a bowl of water next to the leaves. In spring you can give it more."
)
PAIRS = [
    (f"How do I keep plant number {n} alive through the long winter?", ANSWER.format(n=n))
    for n in range(12)
]


@pytest.mark.parametrize(
    ("made", "flag"),
    [
        ("empty", "empty"),
        ("cut off", "cut_off"),
        ("looping", "looping"),
        ("random letters", "gibberish"),
        ("words shuffled", "gibberish"),
        ("echo of the prompt", "echo"),
        ("echo of the system prompt", "echo"),
        ("echo of a demonstration", "echo"),
    ],
)
def test_every_made_answer_raises_its_flag(made: str, flag: str) -> None:
    """On easy texts all of them are caught."""
    rates = fired(made_exchanges(PAIRS, seeded(2))[made])
    assert rates[flag].value == 1.0


def test_real_answers_raise_no_flag() -> None:
    """A system prompt and somebody else's demonstration make no good answer degenerate."""
    pairs = [*PAIRS[:1], ("How do I bake bread?", "Knead it well, and let it rest for an hour.")]
    rates = fired(real_exchanges(pairs, seeded(3)))
    assert rates["cut_off"].k == rates["looping"].k == rates["gibberish"].k == 0


def test_open_ends_are_counted() -> None:
    """A full stop closes an answer; a letter of a multiple choice does not."""
    assert open_ended(["Knead it well.", "The answer is B"]).k == 1


def test_limits_say_what_one_in_a_thousand_exceeds() -> None:
    """With a dozen answers that is the worst of them."""
    answers = [answer for _, answer in PAIRS]
    made = {"looping": ["again and again " * 20], "gibberish": ["xqzv kjwpf vvxq zzkrt qpwlk"]}
    found = {limit.measure.name: limit for limit in limits(answers, made)}
    assert len(found) == len(MEASURES)
    repeats = found["share of 4-grams seen before"]
    assert (repeats.real.k, repeats.made.k) == (0, 1)
    assert not repeats.measure.fires(repeats.rare)
