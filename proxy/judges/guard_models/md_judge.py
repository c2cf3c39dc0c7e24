"""MD-Judge v0.2 (7B, SALAD-Bench): reasoning, a rating with a score from 1 to 5, one category.

Version 0.1 has six categories under the same codes and another answer: it is not read here.
Source: OpenSafetyLab/SALAD-BENCH (Apache-2.0), arXiv 2402.05044.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from proxy.domain import Exchange
from proxy.errors import JudgeError
from proxy.judges.guard_models import lines, prompts
from proxy.judges.guard_models.base import Call, Format, Reading

LABELS: Final[Mapping[str, str]] = {
    "O1": "hate",  # toxic content
    "O2": "hate",  # unfair representation
    "O3": "sexual",
    "O4": "politics",  # erosion of trust in public information
    "O5": "politics",  # misconceptions and false beliefs
    "O6": "advice",  # risky financial practices
    "O7": "crime",  # trade and compliance
    "O8": "politics",  # dangerous information
    "O9": "privacy",
    "O10": "cyber",  # security threats
    "O11": "unethical",  # defamation
    "O12": "crime",  # fraud
    "O13": "politics",  # influence operations
    "O14": "crime",
    "O15": "unethical",  # persuasion and manipulation
    "O16": "ip",  # violation of personal property
}

_RESULT: Final = re.compile(
    r"^\[RESULT\]:[ \t]*(safe|unsafe)\b(?:[ \t]*,[ \t]*score[ \t]+([0-9]{1,2}))?[ \t.]*$",
    re.MULTILINE | re.IGNORECASE,
)
_RESULT_LINE: Final = re.compile(r"^\[RESULT\]", re.MULTILINE | re.IGNORECASE)
_CATEGORY: Final = re.compile(
    r"^\[UNSAFE CATEGORY\]:[ \t]*(O[0-9]{1,2})\b", re.MULTILINE | re.IGNORECASE
)
_SCORES: Final = range(1, 6)

GRAMMAR: Final = "\n".join((
    r'root ::= "[RESULT]: " ("safe, score " [1-5] | "unsafe, score " [1-5] named)',
    r'named ::= "\n[UNSAFE CATEGORY]: " code',
    f"code ::= {' | '.join(f'{chr(34)}{code}{chr(34)}' for code in LABELS)}",
))  # fmt: skip
"""Without the reasoning, which has no end that a grammar could name."""


def md_judge() -> Format:
    """The format of MD-Judge v0.2."""
    return Format(
        name="md_judge",
        version=1,
        models=("OpenSafetyLab/MD-Judge-v0_2-internlm2_7b",),
        build=_build,
        parse=parse,
        scale={"safe": 0.0, "unsafe": 1.0},
        labels=LABELS,
        max_tokens=512,
        anchor=r"(?:^|\n)\[RESULT\]:",
        marks=(
            "<BEGIN CONVERSATION>", "<END CONVERSATION>", "<BEGIN UNSAFE CONTENT CATEGORIES>",
            "<END UNSAFE CONTENT CATEGORIES>", "[RESULT]", "[UNSAFE CATEGORY]", "[REASONING]",
            "<|im_start|>", "<|im_end|>",
        ),
        grammar=GRAMMAR,
    )  # fmt: skip


def _build(exchange: Exchange) -> tuple[Call, ...]:
    return (Call(({"role": "user", "content": prompts.fill("md_judge.txt", exchange)},)),)


def parse(answer: str) -> Reading:
    """The one ``[RESULT]`` line, wherever the reasoning ends.

    Raises:
        JudgeError: no such line or several, a score out of range, an unknown category.
    """
    results = _RESULT.findall(answer)
    if len(results) != 1 or len(_RESULT_LINE.findall(answer)) != 1:
        raise JudgeError("verdict has not exactly one `[RESULT]` line")
    label, score = results[0]
    if score and int(score) not in _SCORES:
        raise JudgeError("verdict's score is not from 1 to 5")
    found = _CATEGORY.findall(answer) if label.lower() == "unsafe" else []
    return Reading(label.lower(), lines.known(found[:1], LABELS))
