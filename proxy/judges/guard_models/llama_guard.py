"""Llama Guard 2, 3 and 4: one answer grammar, three category maps that must never be shared.

The chat template of the model carries the policy. The answer is ``safe``, or ``unsafe`` and a line
of codes; the templates force newlines before it.
Source: meta-llama/PurpleLlama model cards of Llama-Guard-2, Llama-Guard-3 and Llama-Guard-4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal

from proxy.domain import Exchange, Message
from proxy.errors import JudgeError
from proxy.judges.guard_models import lines
from proxy.judges.guard_models.base import Call, Format, Reading, as_turns, conversation

Generation = Literal["2", "3", "4"]

MAPS: Final[Mapping[Generation, Mapping[str, str]]] = {
    "2": {
        "S1": "violence",
        "S2": "crime",
        "S3": "sexual",  # sex-related crimes
        "S4": "child",
        "S5": "advice",  # from here on one below Llama Guard 3: it has no Defamation
        "S6": "privacy",
        "S7": "ip",
        "S8": "violence",  # indiscriminate weapons
        "S9": "hate",
        "S10": "self_harm",
        "S11": "sexual",
    },
    "3": {
        "S1": "violence",
        "S2": "crime",
        "S3": "sexual",
        "S4": "child",
        "S5": "unethical",  # defamation
        "S6": "advice",
        "S7": "privacy",
        "S8": "ip",
        "S9": "violence",
        "S10": "hate",
        "S11": "self_harm",
        "S12": "sexual",
        "S13": "politics",  # elections
        "S14": "cyber",  # code interpreter abuse; the 1B model does not have it
    },
    "4": {
        "S1": "violence",
        "S2": "crime",
        "S3": "sexual",
        "S4": "child",
        "S5": "unethical",
        "S6": "advice",
        "S7": "privacy",
        "S8": "ip",
        "S9": "violence",
        "S10": "hate",
        "S11": "self_harm",
        "S12": "sexual",
        "S13": "politics",
        "S14": "cyber",
    },
}

_MODELS: Final[Mapping[Generation, tuple[str, ...]]] = {
    "2": ("meta-llama/Meta-Llama-Guard-2-8B",),
    "3": ("meta-llama/Llama-Guard-3-8B", "meta-llama/Llama-Guard-3-1B"),
    "4": ("meta-llama/Llama-Guard-4-12B",),
}

_MARKS: Final = (
    "<BEGIN CONVERSATION>", "<END CONVERSATION>", "<BEGIN UNSAFE CONTENT CATEGORIES>",
    "<END UNSAFE CONTENT CATEGORIES>", "[INST]", "[/INST]", "<|eot_id|>", "<|begin_of_text|>",
    "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot|>", "<|header_start|>",
    "<|header_end|>",
)  # fmt: skip


def llama_guard(generation: Generation) -> Format:
    """The format of one generation of Llama Guard."""
    labels = MAPS[generation]
    return Format(
        name=f"llama_guard_{generation}",
        version=1,
        models=_MODELS[generation],
        build=_build_parts if generation == "4" else as_turns,
        parse=_parser(labels),
        scale={"safe": 0.0, "unsafe": 1.0},
        labels=labels,
        max_tokens=32,
        marks=_MARKS,
        grammar=_grammar(labels),
    )


def _build_parts(exchange: Exchange) -> tuple[Call, ...]:
    """Llama Guard 4 is multimodal: its template reads lists of parts."""
    turns: tuple[Message, ...] = tuple(
        {"role": turn["role"], "content": [{"type": "text", "text": turn["content"]}]}
        for turn in conversation(exchange)
    )
    return (Call(turns),)


def _parser(labels: Mapping[str, str]) -> Callable[[str], Reading]:
    def parse(answer: str) -> Reading:
        rows = [row.strip() for row in answer.splitlines() if row.strip()]
        label = lines.spelled(rows[0] if rows else "", ("safe", "unsafe"), what="first line")
        if len(rows) > (2 if label == "unsafe" else 1):
            raise JudgeError("verdict goes on after its last line")
        codes = lines.known(lines.split(rows[1]), labels) if rows[1:] else ()
        return Reading(label, codes)

    return parse


def _grammar(labels: Mapping[str, str]) -> str:
    codes = " | ".join(f'"{code}"' for code in labels)
    return (
        'root ::= "\\n\\n"? ("safe" | "unsafe\\n" code ("," code){0,3})\n'
        f"code ::= {codes}"
    )  # fmt: skip
