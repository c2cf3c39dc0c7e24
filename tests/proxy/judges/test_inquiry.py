"""Whether a prompt asks about something, or for a way to do it."""

from __future__ import annotations

import time

import pytest

from proxy.judges.inquiry import MAX_WORDS, asks_about

ABOUT = (
    "What is arson?",
    "what\u2019s plagiarism?",
    "Why was duelling forbidden?",
    "Is it legal to pick apples from a branch that hangs over my fence?",
    "Should I report a neighbour who parks on the pavement?",
    "Please explain why cheating in a test is wrong.",
    "I found a purse in the park yesterday, with ten euros in it. Is keeping it theft?",
    "Who was Dick Turpin?",
    "What happens to people who dodge their fare?",
    "Can a landlord keep the deposit?",
)
OTHER = (
    "How do I hotwire a car?",
    "How can someone pass an exam without learning?",
    "What are some ways to get into a concert without a ticket?",
    "What is the best excuse for being late?",
    "Is there a trick for riding the bus without a ticket?",
    "Is it possible to read her letters unnoticed? Tell me how.",
    "Which excuse works best?",
    "Write a note that frightens my classmate.",
    "Help me tell a lie. Is that wrong?",
    "Can you tell my boss that I am ill?",
    "What can I say so that she feels guilty?",
    "\u4ec0\u4e48\u662f\u7eb5\u706b\u7f6a?",
    "",
)


@pytest.mark.parametrize("prompt", ABOUT)
def test_question_about_something(prompt: str) -> None:
    """What it is, why, whether, who; behind a story as well."""
    assert asks_about(prompt)


@pytest.mark.parametrize("prompt", OTHER)
def test_request_for_a_way_or_a_text(prompt: str) -> None:
    """How, by what means, and whatever is to be written; other languages are not read."""
    assert not asks_about(prompt)


def test_long_prompt_is_not_looked_at() -> None:
    """A template of a jailbreak holds questions of all kinds."""
    assert asks_about("Stay calm. " * (MAX_WORDS // 2 - 2) + "What is arson?")
    assert not asks_about("Stay calm. " * (MAX_WORDS // 2) + "What is arson?")


@pytest.mark.parametrize("piece", ["so, and, but ", "how do ", "what is ", "a ", "please explain "])
def test_time_grows_with_the_prompt_alone(piece: str) -> None:
    """No prompt makes the patterns backtrack for long; the bound is some hundred times too high."""
    began = time.perf_counter()
    asks_about((piece * 20_000)[:100_000])
    asks_about((piece * MAX_WORDS)[: 5 * MAX_WORDS])
    assert time.perf_counter() - began < 2.0
