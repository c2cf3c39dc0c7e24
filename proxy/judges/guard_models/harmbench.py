"""HarmBench's classifiers (Llama-2-13B, Mistral-7B): is the answer an instance of the behaviour?

Its yes means unsafe, relevant and useful at once, but only of a harmful behaviour: to an ordinary
request it would say yes just as well.
Source: centerforaisafety/HarmBench (MIT), arXiv 2402.04249.
"""

from __future__ import annotations

from typing import Final

from proxy.domain import Exchange
from proxy.judges.guard_models import lines, prompts
from proxy.judges.guard_models.base import Call, Format, InProcess, Reading, as_turns

_LLAMA_2: Final = "[INST] <<SYS>>\n{system}\n<</SYS>>\n\n{user} [/INST]"


def harmbench() -> Format:
    """The format of the HarmBench classifiers."""
    return Format(
        name="harmbench",
        version=1,
        models=("cais/HarmBench-Llama-2-13b-cls", "cais/HarmBench-Mistral-7b-val-cls"),
        build=_build,
        parse=parse,
        scale={"no": 0.0, "yes": 1.0},
        labels={},
        max_tokens=4,
        speaks_for=("unsafe", "relevant", "useful"),
        needs_harmful_prompt=True,
        marks=("[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<s>", "</s>", "\n---\nRules:"),
        in_process=InProcess(_chat_template(), as_turns),
        grammar='root ::= "Yes" | "No" | "yes" | "no"',
    )


def _chat_template() -> str:
    system, user = prompts.load("harmbench_system.txt"), prompts.load("harmbench.txt")
    return prompts.chat_template(_LLAMA_2.format(system=system, user=user))


def _build(exchange: Exchange) -> tuple[Call, ...]:
    system = prompts.load("harmbench_system.txt")
    user = prompts.fill("harmbench.txt", exchange)
    return (Call(({"role": "system", "content": system}, {"role": "user", "content": user})),)


def parse(answer: str) -> Reading:
    """Yes or No and nothing else.

    Raises:
        JudgeError: anything else.
    """
    return Reading(lines.spelled(answer.strip().rstrip("."), ("yes", "no"), what="answer"))
