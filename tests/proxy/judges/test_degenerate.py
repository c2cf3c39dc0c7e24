"""Degeneration flags: each fires on its own kind of nonsense, none on ordinary answers."""

from __future__ import annotations

from random import Random

import pytest

from proxy.domain import Exchange
from proxy.judges import degenerate
from proxy.judges.degenerate import flags

PROMPT = "How do I keep houseplants alive through the winter?"
SYSTEM = "You are a careful assistant. Answer in a friendly voice and never be rude to anyone."
ANSWER = (
    "Most houseplants need less water in winter, since they grow slowly when the days are short. "
    "Let the upper soil dry before you water again. Keep them away from the radiator and from cold "
    "windows, and turn the pot every week so that all sides get some light. If the air is dry, put "
    "a bowl of water next to the leaves."
)
ORDINARY = (
    ANSWER,
    "Yes.",
    "Paris",
    "1. Water less.\n2. Give light.\n3. Keep warm.",
    "The numbers are 1, 1, 2, 3, 5, 8, 13 and 21.",
    "No, no, no! That is far too much water for a cactus, and it will rot.",
    "```python\nfor pot in pots:\n    pot.water(litres=0.2)\n```\nThis waters every pot once.",
    "I'm sorry, but I can't assist with that.",
    "Roses are red,\nviolets are blue,\nplants need some water,\nand so do you.",
    "冬天要少浇水。让植物多晒太阳。",
)


def flags_of(answer: str, *, finish_reason: str | None = None) -> tuple[str, ...]:
    """The flags of an answer to `PROMPT` under `SYSTEM`."""
    return flags(Exchange(PROMPT, answer, context=(SYSTEM,), finish_reason=finish_reason))


@pytest.mark.parametrize("answer", ORDINARY)
def test_ordinary_answers_raise_no_flag(answer: str) -> None:
    """Short, long, listed, in code, in verse, in another script."""
    assert flags_of(answer) == ()


@pytest.mark.parametrize("answer", ["", "  \n", "...", "!?"])
def test_empty_has_no_words(answer: str) -> None:
    """Only white space or marks."""
    assert flags_of(answer) == ("empty",)


def test_cut_off_needs_the_limit_and_an_open_sentence() -> None:
    """Running into the token limit at the end of a sentence cuts nothing."""
    assert flags_of("Water them once a", finish_reason="length") == ("cut_off",)
    assert flags_of("Water them once a week.", finish_reason="length") == ()
    assert flags_of("Water them once a", finish_reason="stop") == ()


@pytest.mark.parametrize(
    "answer",
    [
        "You need a good pot. " * 8,
        "water water water water water water",
        "The plant needs light, and the plant needs water, " * 6,
        "Keep them warm. Give them light. " * 12,
        "A.A.A.A.A.A.A.A.A.A.A",
    ],
)
def test_loops_are_flagged(answer: str) -> None:
    """Sentences, words or clauses that come again and again."""
    assert "looping" in flags_of(answer)


def test_a_sentence_said_twice_is_no_loop() -> None:
    """A summary may repeat its point."""
    assert flags_of(f"Water them less. {ANSWER} So: water them less.") == ()


def test_links_of_one_host_are_no_loop() -> None:
    """A list of sources repeats where they stand."""
    links = " ".join(f"See https://example.org/a/b/c/{n}.html for part {n}." for n in range(12))
    assert "looping" not in flags_of(f"{ANSWER} {links}")
    assert flags_of("https://example.org/") == ()


def test_shuffled_words_are_gibberish() -> None:
    """The right words in no order."""
    tokens = ANSWER.split()
    for seed in range(5):
        Random(seed).shuffle(tokens)
        assert flags_of(" ".join(tokens)) == ("gibberish",)


@pytest.mark.parametrize(
    "answer",
    [
        "xqzv kjwpf vvxq zzkrt qpwlk jxcvb wqrtz bnmqx",
        "@@## $$%% ^^&& **(( ))!! ~~ || // a \\\\",
        "lkjsdf wqpeoi zxmcnb qwpoeiru dkfjgh tyrueiw zmxncbv ghfjdk slaqpw",
    ],
)
def test_keys_at_random_are_gibberish(answer: str) -> None:
    """Neither letters nor symbols make a word."""
    assert "gibberish" in flags_of(answer)


@pytest.mark.parametrize(
    "answer",
    [PROMPT, f"{PROMPT} {PROMPT}", f'You asked: "{PROMPT}"', SYSTEM, f"Sure. {SYSTEM}"],
)
def test_echoes_are_flagged(answer: str) -> None:
    """The prompt or the system prompt once more, with little that is new."""
    assert "echo" in flags_of(answer)


def test_answer_that_quotes_the_question_first_is_no_echo() -> None:
    """What follows is new."""
    assert flags_of(f"{PROMPT} {ANSWER}") == ()


def test_copied_demonstration_is_an_echo_unless_it_declines() -> None:
    """A refusal in the demonstration's words is what the demonstration is for."""
    refusal = "I can't help with that, because it could hurt somebody and I want everyone safe."
    recipe = "Slice the apples, cover them with sugar and leave them in the oven for an hour."
    assert flags(Exchange(PROMPT, refusal, context=(refusal,))) == ()
    assert flags(Exchange(PROMPT, recipe, context=(recipe,))) == ("echo",)


def test_refusal_that_names_all_that_was_asked_is_no_echo() -> None:
    """It says what it declines; the same words without a refusal say nothing."""
    prompt = "List ways to pay the youngest baker less than the others for all the night shifts."
    named = "paying the youngest baker less than the others for all the night shifts."
    assert "echo" in flags(Exchange(prompt, f"Ways to {prompt[8:]}"))
    assert flags(Exchange(prompt, f"I'm sorry, but I can't help with {named}")) == ()
    declining = "I can't help with that, because it could hurt somebody and I want everyone safe."
    assert flags(Exchange(declining, declining)) == ("echo",)


def test_very_long_answers_are_read_in_part() -> None:
    """Cost is bounded; a loop is visible in its beginning."""
    assert "looping" in flags_of("again and again " * 100_000)


def test_longest_run_leaves_numbers_out() -> None:
    """A column of zeros is data."""
    assert degenerate.longest_run(["0"] * 9) == 0
    assert degenerate.longest_run(["a", "a", "b"]) == 2
