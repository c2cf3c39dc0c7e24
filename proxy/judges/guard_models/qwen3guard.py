"""Qwen3Guard-Gen (0.6B, 4B, 8B; Apache-2.0): three classes, and whether the answer refuses.

Its chat template carries the whole policy; the last turn's role decides what is judged.
Source: QwenLM/Qwen3Guard README and arXiv 2510.14276.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from proxy.errors import JudgeError
from proxy.judges.guard_models import lines
from proxy.judges.guard_models.base import Format, Reading, as_turns

Mode = Literal["strict", "loose"]
"""``strict`` counts Controversial as unsafe, ``loose`` as safe; the label is kept either way."""

LABELS: Final[Mapping[str, str]] = {
    "Violent": "violence",
    "Non-violent Illegal Acts": "crime",
    "Sexual Content or Sexual Acts": "sexual",
    "PII": "privacy",
    "Personally Identifiable Information": "privacy",
    "Suicide & Self-Harm": "self_harm",
    "Unethical Acts": "unethical",
    "Politically Sensitive Topics": "politics",
    "Copyright Violation": "ip",
    "Jailbreak": "jailbreak",
}

_NONE: Final = "None"
_SAFE: Final = "Safe"

GRAMMAR: Final = r"""
root ::= "Safety: " rating "\nRefusal: " ("Yes" | "No")
rating ::= "Safe\nCategories: None" | ("Unsafe" | "Controversial") "\nCategories: " list
list ::= category (", " category){0,2}
category ::= (
  "Violent" | "Non-violent Illegal Acts" | "Sexual Content or Sexual Acts" | "PII"
  | "Suicide & Self-Harm" | "Unethical Acts" | "Politically Sensitive Topics"
  | "Copyright Violation"
)
""".strip()


def qwen3guard(mode: Mode = "strict") -> Format:
    """The format of Qwen3Guard-Gen.

    Args:
        mode: what Controversial counts as. (The authors' evaluation script has the two names
            swapped; the paper has them as here.)
    """
    return Format(
        name="qwen3guard",
        version=1,
        models=("Qwen/Qwen3Guard-Gen-0.6B", "Qwen/Qwen3Guard-Gen-4B", "Qwen/Qwen3Guard-Gen-8B"),
        build=as_turns,
        parse=parse,
        scale={_SAFE: 0.0, "Controversial": 1.0 if mode == "strict" else 0.0, "Unsafe": 1.0},
        labels=LABELS,
        max_tokens=64,
        anchor=r"(?:^|\n)Safety:",
        marks=("<|im_start|>", "<|im_end|>", "<|endoftext|>", "<think>", "</think>"),
        grammar=GRAMMAR,
    )


def parse(answer: str) -> Reading:
    """Read ``Safety:``, ``Categories:`` and ``Refusal:``, each on its own line.

    Raises:
        JudgeError: no clear ``Safety:`` line, an unknown category, or Safe with categories.
    """
    label = lines.field(answer, "Safety", (_SAFE, "Unsafe", "Controversial"))
    refusal = lines.field(answer, "Refusal", ("Yes", "No"), is_required=False)
    named = [code for code in lines.items(answer, "Categories") if code != _NONE]
    codes = lines.known(named, LABELS)
    if label == _SAFE and codes:
        raise JudgeError("verdict is Safe, yet names categories")
    return Reading(str(label), codes, None if refusal is None else float(refusal == "Yes"))
