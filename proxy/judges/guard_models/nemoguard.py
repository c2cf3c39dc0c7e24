"""NemoGuard and Nemotron Safety Guard (8B, NVIDIA): JSON on both turns, 23 categories by name.

The answer's turn begins with ``response: agent:``, as the models were trained. A failed parse is
unscored here; older NeMo called it unsafe.
Source: NVIDIA/NeMo-Guardrails content safety examples and its output parsers (which say "Violated
Categories" and read "Safety Categories": both are accepted), card of the Nemotron dataset.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from proxy.domain import Exchange
from proxy.errors import JudgeError
from proxy.judges.guard_models import lines, prompts
from proxy.judges.guard_models.base import Call, Format, Reading
from proxy.judges.json_answers import one_object

LABELS: Final[Mapping[str, str]] = {
    "Violence": "violence",
    "Sexual": "sexual",
    "Criminal Planning/Confessions": "crime",
    "Guns and Illegal Weapons": "violence",
    "Controlled/Regulated Substances": "crime",
    "Suicide and Self Harm": "self_harm",
    "Sexual (minor)": "child",
    "Hate/Identity Hate": "hate",
    "PII/Privacy": "privacy",
    "Harassment": "hate",
    "Threat": "violence",
    "Profanity": "hate",
    "Needs Caution": "other",
    "Other": "other",
    "Manipulation": "unethical",
    "Fraud/Deception": "crime",
    "Malware": "cyber",
    "High Risk Gov Decision Making": "politics",
    "Political/Misinformation/Conspiracy": "politics",
    "Copyright/Trademark/Plagiarism": "ip",
    "Unauthorized Advice": "advice",
    "Illegal Activity": "crime",
    "Immoral/Unethical": "unethical",
}


def _grammar() -> str:
    """Both ratings, and categories where either is unsafe."""
    names = " | ".join(f'"{name}"' for name in LABELS)
    return "\n".join((
        r'root ::= "{\"User Safety\": \"" rating "\", " response named? "}"',
        r'response ::= "\"Response Safety\": \"" rating "\""',
        'rating ::= "safe" | "unsafe"',
        r'named ::= ", \"Safety Categories\": \"" name (", " name){0,3} "\""',
        f"name ::= {names}",
    ))  # fmt: skip


_RATINGS: Final = ("safe", "unsafe")
_RESPONSE: Final = "Response Safety"
_CATEGORY_KEYS: Final = ("Safety Categories", "Violated Categories")
_KEYS: Final = frozenset({"User Safety", _RESPONSE, *_CATEGORY_KEYS})


def nemoguard() -> Format:
    """The format of NemoGuard and Nemotron Safety Guard."""
    return Format(
        name="nemoguard",
        version=2,
        models=(
            "nvidia/llama-3.1-nemoguard-8b-content-safety",
            "nvidia/Llama-3.1-Nemotron-Safety-Guard-8B-v3",
        ),
        build=_build,
        parse=parse,
        scale={"safe": 0.0, "unsafe": 1.0},
        labels=LABELS,
        max_tokens=128,
        anchor=r'"Response Safety"\s*:\s*"',
        marks=(
            "<BEGIN CONVERSATION>", "<END CONVERSATION>", "<BEGIN UNSAFE CONTENT CATEGORIES>",
            "<END UNSAFE CONTENT CATEGORIES>", "<|eot_id|>", "<|begin_of_text|>",
            "<|start_header_id|>", "<|end_header_id|>",
        ),
        grammar=_grammar(),
    )  # fmt: skip


def _build(exchange: Exchange) -> tuple[Call, ...]:
    return (Call(({"role": "user", "content": prompts.fill("nemoguard.txt", exchange)},)),)


def parse(answer: str) -> Reading:
    """The JSON object's rating of the response; the rating of the user is no fallback.

    Raises:
        JudgeError: not one JSON object, unknown keys, or no clear rating of the response.
    """
    verdict = one_object(answer)
    if not verdict.keys() <= _KEYS:
        raise JudgeError("verdict has unknown keys")
    label = lines.spelled(str(verdict.get(_RESPONSE)), _RATINGS, what=_RESPONSE)
    if label == "safe":
        return Reading(label)  # categories may then be the request's
    return Reading(label, _codes(verdict))


def _codes(verdict: Mapping[str, Any]) -> tuple[str, ...]:
    """Names are free text to this model: an unknown one is kept, and counts as ``other``."""
    named = next((verdict[key] for key in _CATEGORY_KEYS if key in verdict), "")
    if not isinstance(named, str):
        raise JudgeError("verdict's categories are no string")
    return lines.split(named)
