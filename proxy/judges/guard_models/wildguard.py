"""WildGuard (allenai/wildguard, 7B): three questions on one exchange, each with its own line.

Source: allenai/wildguard, wildguard/utils.py (Apache-2.0); the shape of the prompt is copied
exactly, since an indented copy is known to change the answers.
"""

from __future__ import annotations

from typing import Final

from proxy.domain import Exchange
from proxy.errors import JudgeError
from proxy.judges.guard_models import lines, prompts
from proxy.judges.guard_models.base import Call, Format, InProcess, Reading, as_turns

_ANSWERS: Final = ("yes", "no", "n/a")

GRAMMAR: Final = r"""
root ::= "Harmful request: " yesno "\nResponse refusal: " yesno "\nHarmful response: " yesno
yesno ::= "yes" | "no"
""".strip()


def wildguard() -> Format:
    """The format of WildGuard."""
    return Format(
        name="wildguard",
        version=1,
        models=("allenai/wildguard",),
        build=_build,
        parse=parse,
        scale={"no": 0.0, "yes": 1.0},
        labels={},
        max_tokens=32,
        anchor=r"(?:^|\n)Harmful response:",
        marks=("<|user|>", "<|assistant|>", "[INST]", "[/INST]", "<s>", "</s>", "\n---\n"),
        in_process=InProcess(prompts.chat_template(prompts.load("wildguard.txt")), as_turns),
        grammar=GRAMMAR,
    )


def _build(exchange: Exchange) -> tuple[Call, ...]:
    return (Call(({"role": "user", "content": prompts.fill("wildguard.txt", exchange)},)),)


def parse(answer: str) -> Reading:
    """The three lines by their names.

    Raises:
        JudgeError: a line is missing or unclear, or says n/a of a response that there is.
    """
    lines.field(answer, "Harmful request", _ANSWERS)
    refusal = lines.field(answer, "Response refusal", _ANSWERS)
    harmful = lines.field(answer, "Harmful response", _ANSWERS)
    if harmful == "n/a":
        raise JudgeError("verdict says n/a of the response")
    return Reading(str(harmful), refusal=None if refusal == "n/a" else float(refusal == "yes"))
