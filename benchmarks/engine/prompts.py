"""Mild synthetic prompts of known lengths; what they say does not matter, how long they are does.

Standard library only, as everything is that the native server's own environment imports.
"""

from __future__ import annotations

_TOPICS = (
    "gardens", "rivers", "music", "trains", "history", "cooking", "weather", "museums",
    "football", "astronomy", "bicycles", "libraries", "mountains", "coffee", "painting", "oceans",
)  # fmt: skip

_RULES = (
    "You help people who want to learn something new every day of theirs. "
    "Answer at length, in plain words, and stay with the question. "
    "Explain each step before you go on to the next one, and say why it matters. "
    "Give an example from daily life wherever one comes to mind. "
    "When a question has several sides, describe each of them fairly before you take one. "
    "Where you are not sure, say so, and tell the reader where to look further. "
    "Never hurry: a long and careful answer is better than a short and careless one. "
    "Use whole sentences, no lists and no tables, and keep a friendly tone from the first word to "
    "the last."
)

_N_NOTES = 79
"""Notes of a long prompt: 1,500 tokens of SmolLM2's vocabulary, within two in a hundred."""


def system_prompt(number: int) -> str:
    """150 tokens with the chat template's; two numbers have no beginning in common.

    Args:
        number: at least 0.
    """
    return f"{number:06d} is the number of this room. {_RULES}"


def user_prompt(number: int) -> str:
    """A question whose answer is far longer than any job asks for, so that all answers are cut."""
    first = _TOPICS[number % len(_TOPICS)]
    second = _TOPICS[(number // len(_TOPICS) + 5 * number + 3) % len(_TOPICS)]
    return f"Write an essay of two thousand words about {first} and {second}, part {number}."


def long_user_prompt(number: int) -> str:
    """About 1,500 tokens."""
    notes = (
        f"Note {index} of this book: in room {7 * index} we talked about "
        f"{_TOPICS[index % len(_TOPICS)]}."
        for index in range(_N_NOTES)
    )
    return (
        f"Read these notes of book {number}. "
        + " ".join(notes)
        + " Now write an essay about all of them."
    )
