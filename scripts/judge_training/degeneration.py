"""How the degeneration flags stand to real answers, and to answers made degenerate on purpose.

`MEASURES` are the quantities behind the thresholds of :mod:`proxy.judges.degenerate`: each is shown
with the value that one real answer in a thousand goes beyond, which is what a threshold must clear.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from proxy.domain import Exchange
from proxy.evaluation.statistics import Rate
from proxy.judges import degenerate
from proxy.judges.fluency import load_fluency
from proxy.judges.words import words
from scripts.judge_training.attacks import Pair, shams

FLAGS = ("empty", "cut_off", "looping", "gibberish", "echo")
ENDS = " .!?:;\"')*`]\u2026\u201d\u2019"
RARE = 0.001
SHAMS = 400
SYSTEM_PROMPT = (
    "You are a careful assistant. Decline requests that could hurt somebody, say briefly why, and "
    "offer a safe alternative. Answer everything else fully, in a friendly voice, and never make "
    "up facts or sources."
)


@dataclass(frozen=True, slots=True)
class Measure:
    """One quantity behind a flag.

    Args:
        name: in words.
        flag: the flag it can raise.
        threshold: where it does.
        is_high: large values are the bad ones.
        value: of an answer; None where it does not apply.
    """

    name: str
    flag: str
    threshold: float
    is_high: bool
    value: Callable[[str], float | None]

    def fires(self, value: float) -> bool:
        """Whether ``value`` lies beyond the threshold."""
        return value >= self.threshold if self.is_high else value < self.threshold


def _repeated(answer: str) -> float | None:
    tokens = words(answer)
    if len(tokens) < degenerate.LOOP_MIN_WORDS:
        return None
    return degenerate.repeated_fourgrams(tokens)[0]


def _compression(answer: str) -> float | None:
    content = answer.encode()
    return degenerate.compression(content) if len(content) >= degenerate.LOOP_MIN_BYTES else None


def _word_order(answer: str) -> float | None:
    is_long = len(words(answer)) >= degenerate.ORDER_LONG_WORDS
    return load_fluency().word_order(answer) if is_long else None


def _letter_order(answer: str) -> float | None:
    is_long = len(answer) >= degenerate.LETTERS_MIN_CHARS and answer.isascii()
    return load_fluency().letter_order(answer) if is_long else None


MEASURES = (
    Measure(
        "one word in a row, times",
        "looping",
        degenerate.LOOP_WORD_RUN,
        is_high=True,
        value=lambda answer: degenerate.longest_run(words(answer)),
    ),
    Measure(
        "share of 4-grams seen before",
        "looping",
        degenerate.LOOP_REPEATED_SHARE,
        is_high=True,
        value=_repeated,
    ),
    Measure(
        "compressed size over size",
        "looping",
        degenerate.LOOP_ZLIB_RATIO,
        is_high=False,
        value=_compression,
    ),
    Measure(
        "word order, mean log-odds",
        "gibberish",
        degenerate.ORDER_LOWEST,
        is_high=False,
        value=_word_order,
    ),
    Measure(
        "letter order, mean log10 likelihood",
        "gibberish",
        degenerate.LETTERS_LOWEST,
        is_high=False,
        value=_letter_order,
    ),
)


@dataclass(frozen=True, slots=True)
class Limit:
    """One measure on real answers and on the made ones of its flag.

    Args:
        measure: which.
        rare: the value that one real answer in a thousand goes beyond.
        real: real answers beyond the threshold.
        made: answers made degenerate beyond it; any one measure suffices for the flag.
    """

    measure: Measure
    rare: float
    real: Rate
    made: Rate


def limits(real: Sequence[str], made: Mapping[str, Sequence[str]]) -> list[Limit]:
    """Each measure's distance from real answers; ``made`` is by flag."""
    return [_limit(measure, real, made[measure.flag]) for measure in MEASURES]


def _limit(measure: Measure, real: Sequence[str], made: Sequence[str]) -> Limit:
    def values(answers: Sequence[str]) -> list[float]:
        return [value for each in answers if (value := measure.value(each)) is not None]

    found = sorted(values(real), reverse=measure.is_high)
    return Limit(
        measure=measure,
        rare=found[int(RARE * len(found))],
        real=Rate.of(map(measure.fires, found)),
        made=Rate.of(map(measure.fires, values(made))),
    )


def fired(exchanges: Sequence[Exchange]) -> dict[str, Rate]:
    """Flag → how often it fires."""
    found = [degenerate.flags(each) for each in exchanges]
    return {flag: Rate.of(flag in flags for flags in found) for flag in FLAGS}


def real_exchanges(pairs: Sequence[Pair], rng: Random) -> list[Exchange]:
    """Real answers under a system prompt and another answer as demonstration."""
    return [
        Exchange(prompt, answer, context=(SYSTEM_PROMPT, rng.choice(pairs)[1]))
        for prompt, answer in pairs
    ]


def open_ended(answers: Sequence[str]) -> Rate:
    """Whole answers that would count as cut off, had the token limit come exactly at their end."""
    return Rate.of(degenerate.is_cut_off(answer, "length") for answer in answers)


def made_exchanges(pairs: Sequence[Pair], rng: Random) -> dict[str, list[Exchange]]:
    """Answers made degenerate, by what was done to real ones."""
    some = rng.sample(pairs, min(SHAMS, len(pairs)))
    fakes = shams(some, ["unused"], rng)
    plain = [Exchange(prompt, answer, context=(SYSTEM_PROMPT,)) for prompt, answer in some]
    pairs_of = {
        "looping": "looping",
        "random letters": "random letters",
        "words shuffled": "words shuffled",
        "echo of the prompt": "echo of the prompt",
    }
    made = {name: [Exchange(*pair) for pair in fakes[key]] for name, key in pairs_of.items()}
    made["empty"] = [replace(each, answer=rng.choice(("", " \n", "...", "?!"))) for each in plain]
    made["cut off"] = [_cut(each, rng) for each in plain]
    made["echo of the system prompt"] = [
        replace(each, answer=rng.choice(("", "Sure. ", "Okay:\n")) + SYSTEM_PROMPT)
        for each in plain
    ]
    made["echo of a demonstration"] = [
        replace(each, prompt=other, context=(SYSTEM_PROMPT, each.answer))
        for each, (other, _) in zip(plain, reversed(some), strict=True)
    ]
    return made


def _cut(exchange: Exchange, rng: Random) -> Exchange:
    """Cut behind a word that ends no sentence, at the token limit."""
    tokens = exchange.answer.split()
    end = rng.randrange(1, max(2, len(tokens)))
    text = " ".join(tokens[:end]).rstrip(ENDS)
    return replace(exchange, answer=text, finish_reason="length")
