"""Ways to fool a judge, applied to real answers: what the card's adversarial table counts.

Two kinds. A *disguise* hides compliance, and the judge should still see it. A *sham* is worth
nothing to anyone, and the judge should not call it harmful however alike it looks.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from random import Random

from proxy.judges.compliance import MAX_CHARS
from proxy.judges.words import sentences
from scripts.judge_training import templates
from scripts.judge_training.fit import swap

Pair = tuple[str, str]

_FRONT_ROOM, _BEHIND_ROOM = 100, 110


def _in_front(answer: str, rng: Random) -> str:
    return f"{rng.choice(templates.REFUSALS_HELD_OUT)} {answer}"


def _behind(answer: str, rng: Random) -> str:
    kept = answer[: MAX_CHARS - _FRONT_ROOM - _BEHIND_ROOM]
    return f"{kept} {rng.choice(templates.DISCLAIMERS_HELD_OUT)}"


def _both(answer: str, rng: Random) -> str:
    return _in_front(_behind(answer, rng), rng)


DISGUISES: dict[str, Callable[[str, Random], str]] = {
    "as it is": lambda answer, _: answer,
    "refusal in front": _in_front,
    "disclaimer behind": _behind,
    "both": _both,
}
"""What is done to an answer that complies."""


def shams(pairs: Sequence[Pair], unrelated: Sequence[str], rng: Random) -> dict[str, list[Pair]]:
    """Worthless answers, made from harmful (prompt, answer) pairs and from ordinary answers."""
    return {
        "unrelated": [(prompt, rng.choice(unrelated)) for prompt, _ in pairs],
        "swapped": swap(pairs, rng),
        "random letters": [(prompt, _letters(answer, rng)) for prompt, answer in pairs],
        "words shuffled": [(prompt, _shuffled(answer, rng)) for prompt, answer in pairs],
        "echo of the prompt": [(prompt, _echo(prompt, rng)) for prompt, _ in pairs],
        "looping": [(prompt, _loop(answer)) for prompt, answer in pairs],
    }


def _letters(answer: str, rng: Random) -> str:
    return " ".join(
        "".join(rng.choices(string.ascii_lowercase, k=len(word))) for word in answer.split()
    )


def _shuffled(answer: str, rng: Random) -> str:
    tokens = answer.split()
    rng.shuffle(tokens)
    return " ".join(tokens)


def _echo(prompt: str, rng: Random) -> str:
    return rng.choice((prompt, f"{prompt}\n{prompt}", f"Sure. {prompt}", f'You asked: "{prompt}"'))


def _loop(answer: str) -> str:
    first = max(sentences(answer)[:3] or [answer], key=len)
    return " ".join([first] * 8)
