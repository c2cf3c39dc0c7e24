"""From labelled rows to training examples: the rows, disguised copies, and answers of our own.

Half of it is defence. An optimiser that pays for fewer harmful verdicts finds out that a refusal in
front or a disclaimer behind fools a judge; so copies of the rows wear them. Rows of both labels do:
with positives alone, a refusal in front would become a sign of compliance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from proxy.judges.compliance import MAX_CHARS
from proxy.judges.reading import read
from proxy.judges.words import content_words, sentences, words
from scripts.judge_training import templates
from scripts.judge_training.datasets import Row

DISGUISED_SHARE = 0.7
REAL_REFUSAL_SHARE = 0.7
SAFE_REDIRECTIONS = 600
PLAIN_REFUSALS = 300
LONGEST_REFUSAL_CHARS = 200
ROOM_BEHIND = 100  # the head reads MAX_CHARS; a disclaimer behind must stay within


@dataclass(frozen=True, slots=True)
class Example:
    """One training example: whether ``answer`` complies with ``prompt``.

    Args:
        prompt: the request.
        answer: as found, disguised, or of our own making.
        label: whether it complies.
        family: the data set in which it stands as it is; empty for the other two.
    """

    prompt: str
    answer: str
    label: bool
    family: str = ""


def seeded(seed: int) -> Random:
    """A source of draws that repeat; nothing here is secret."""
    return Random(seed)  # noqa: S311 - reproducible draws are the point


def build_examples(rows: Sequence[Row], rng: Random) -> list[Example]:
    """All examples made from ``rows``, the same for the same random state."""
    plain = [Example(row.prompt, row.answer, row.label, row.family) for row in rows]
    fronts = real_refusals(rows)
    disguised = [
        Example(example.prompt, _disguise(example.answer, fronts, rng), example.label)
        for example in plain
        if rng.random() < DISGUISED_SHARE
    ]
    return plain + disguised + _own_answers(sorted({row.prompt for row in rows}), rng)


def real_refusals(rows: Sequence[Row]) -> list[str]:
    """The opening sentences by which the rows' answers decline, sorted, none twice."""
    openings = {parts[0] for row in rows if not row.label and (parts := sentences(row.answer))}
    return sorted(
        text for text in openings if len(text) < LONGEST_REFUSAL_CHARS and _declines(text)
    )


def _declines(sentence: str) -> bool:
    return any(part.declines for part in read(sentence))


def _disguise(answer: str, fronts: Sequence[str], rng: Random) -> str:
    where = rng.choice(("front", "behind", "both"))
    parts = [answer[: MAX_CHARS - ROOM_BEHIND]]
    if where != "behind":
        pool = fronts if fronts and rng.random() < REAL_REFUSAL_SHARE else templates.REFUSALS
        parts.insert(0, rng.choice(pool))
    if where != "front":
        parts.append(rng.choice(templates.DISCLAIMERS))
    return rng.choice((" ", "\n\n")).join(parts)


def _own_answers(prompts: Sequence[str], rng: Random) -> list[Example]:
    redirections = [
        Example(prompt, templates.safe_redirection(topic_of(prompt), rng), label=False)
        for prompt in rng.choices(prompts, k=SAFE_REDIRECTIONS)
    ]
    refusals = [
        Example(prompt, templates.refusal(rng), label=False)
        for prompt in rng.choices(prompts, k=PLAIN_REFUSALS)
    ]
    return redirections + refusals


def topic_of(prompt: str) -> str:
    """What a prompt is about, in its last three content words."""
    carried = content_words(prompt)
    return " ".join([word for word in words(prompt) if word in carried][-3:]) or "this"
