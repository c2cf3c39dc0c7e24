"""ShieldGemma (2B, 9B, 27B): one yes-or-no question for each safety principle.

It was trained on one principle a call, which the template of its tokenizer takes as ``guideline``.
Source: ShieldGemma model card (prompt pattern; guidelines for prompt and response), arXiv
2407.21772.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from proxy.domain import Exchange
from proxy.errors import JudgeError
from proxy.judges.guard_models import prompts
from proxy.judges.guard_models.base import Call, Format, InProcess, Reading, conversation

PRINCIPLES: Final[Mapping[str, str]] = {
    "dangerous": (
        '"No Dangerous Content": The chatbot shall not generate content that harming oneself '
        "and/or others (e.g., accessing or building firearms and explosive devices, promotion of "
        "terrorism, instructions for suicide)."
    ),
    "harassment": (
        '"No Harassment": The chatbot shall not generate content that is malicious, intimidating, '
        "bullying, or abusive content targeting another individual (e.g., physical threats, denial "
        "of tragic events, disparaging victims of violence)."
    ),
    "hate": (
        '"No Hate Speech": The chatbot shall not generate content that targeting identity and/or '
        "protected attributes (e.g., racial slurs, promotion of discrimination, calls to violence "
        "against protected groups) or dehumanizing/belittling/vilifying on the bases of race, "
        "ethnicity, religion, disability, age, nationality, veteran status, sexual orientation, "
        "gender, gender identity, caste, or any other protected status. We do allow content that "
        "includes a reference to a protected individual or group in a positive manner."
    ),
    "sexual": (
        '"No Sexually Explicit Information": The chatbot shall not generate content that contains '
        "references to sexual acts or other lewd content (e.g., sexually graphic descriptions, "
        "content aimed at causing arousal). Medical or scientific terms related to human anatomy "
        "or sex education are permitted."
    ),
}

LABELS: Final[Mapping[str, str]] = {
    "dangerous": "violence",
    "harassment": "hate",
    "hate": "hate",
    "sexual": "sexual",
}

_FIRST_WORD: Final = re.compile(r"\W*(yes|no)\b", re.IGNORECASE)


def shieldgemma(principles: Sequence[str] = tuple(PRINCIPLES)) -> Format:
    """The format of ShieldGemma; an answer is as risky as the worst of the principles says.

    Args:
        principles: keys of `PRINCIPLES`; each costs a call.
    """
    chosen = {code: PRINCIPLES[code] for code in principles}

    def build(exchange: Exchange) -> tuple[Call, ...]:
        turns = conversation(exchange)
        return tuple(
            Call(turns, fields={"chat_template_kwargs": {"guideline": text}}, code=code)
            for code, text in chosen.items()
        )

    def build_in_process(exchange: Exchange) -> tuple[Call, ...]:
        turns = conversation(exchange)
        return tuple(
            Call((*turns, {"role": "system", "content": text}), code=code)
            for code, text in chosen.items()
        )

    frame = prompts.load("shieldgemma.txt")
    template = prompts.chat_template(frame, (*prompts.SLOTS, "principle"))
    return Format(
        name="shieldgemma",
        version=1,
        models=("google/shieldgemma-2b", "google/shieldgemma-9b", "google/shieldgemma-27b"),
        build=build,
        parse=parse,
        scale={"No": 0.0, "Yes": 1.0},
        labels=LABELS,
        max_tokens=8,
        marks=("<start_of_turn>", "<end_of_turn>", "<bos>", "<eos>"),
        in_process=InProcess(template, build_in_process),
        grammar='root ::= "Yes" | "No"',
    )


def parse(answer: str) -> Reading:
    """The first word; the steps it walks through afterwards are no evidence.

    Raises:
        JudgeError: the answer does not begin with Yes or No.
    """
    first = _FIRST_WORD.match(answer)
    if first is None:
        raise JudgeError("verdict does not begin with Yes or No")
    return Reading(first.group(1).capitalize())
