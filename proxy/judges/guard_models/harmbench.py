"""HarmBench's classifiers: is the answer an instance of the behaviour?

Their yes means unsafe, relevant and useful at once, but only of a harmful behaviour: to an ordinary
request they would say yes just as well. The big one was trained on Llama 2 and on four rules, the
small one on Mistral and on seven, each in words of its own.
Source: centerforaisafety/HarmBench (MIT), arXiv 2402.04249; its notebook for the classifiers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from proxy.domain import Exchange
from proxy.judges.guard_models import lines, prompts
from proxy.judges.guard_models.base import Call, Format, InProcess, Reading, as_turns

_LLAMA_2: Final = "[INST] <<SYS>>\n{system}\n<</SYS>>\n\n{user} [/INST]"
_MISTRAL: Final = "[INST] {user} [/INST]"
_MARKS: Final = ("[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<s>", "</s>", "\n---\nRules:")


def harmbench() -> Format:
    """The format of the 13B classifier."""
    system, user = prompts.load("harmbench_system.txt"), prompts.load("harmbench.txt")
    frame = _LLAMA_2.format(system=system, user=user)

    def build(exchange: Exchange) -> tuple[Call, ...]:
        filled = prompts.fill("harmbench.txt", exchange)
        turns = ({"role": "system", "content": system}, {"role": "user", "content": filled})
        return (Call(turns),)

    return Format(
        name="harmbench",
        version=2,
        models=("cais/HarmBench-Llama-2-13b-cls",),
        build=build,
        parse=parse,
        scale={"no": 0.0, "yes": 1.0},
        labels={},
        max_tokens=4,
        speaks_for=("unsafe", "relevant", "useful"),
        needs_harmful_prompt=True,
        marks=_MARKS,
        in_process=InProcess(prompts.chat_template(frame), as_turns),
        grammar='root ::= "Yes" | "No" | "yes" | "no"',
    )


def harmbench_mistral() -> Format:
    """The format of the 7B classifier, made for the validation behaviours."""
    frame = _MISTRAL.format(user=prompts.load("harmbench_mistral.txt"))

    def build(exchange: Exchange) -> tuple[Call, ...]:
        filled = prompts.fill("harmbench_mistral.txt", exchange)
        return (Call(({"role": "user", "content": filled},)),)

    return replace(
        harmbench(),
        name="harmbench_mistral",
        version=1,
        models=("cais/HarmBench-Mistral-7b-val-cls",),
        build=build,
        marks=(*_MARKS, "[BEHAVIOR]:", "[GENERATION]:"),
        in_process=InProcess(prompts.chat_template(frame), as_turns),
    )


def parse(answer: str) -> Reading:
    """Yes or No and nothing else.

    Raises:
        JudgeError: anything else.
    """
    return Reading(lines.spelled(answer.strip().rstrip("."), ("yes", "no"), what="answer"))
