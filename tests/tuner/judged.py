"""Judged answers made by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from proxy.domain import Kind, Prompt, Usage, Verdict
from proxy.evaluation.run import Answer, Judged, Task
from proxy.policy.schema import PASSTHROUGH


def judged(
    number: int,
    kind: Kind = "harmful",
    *,
    harmful: bool = False,
    refusal: bool = False,
    relevant: float | None = 0.5,
    degenerate: bool = False,
    unscored: bool = False,
    alike: bool = True,
    flags: tuple[str, ...] = (),
    suite: str = "s",
) -> Judged:
    """One judged answer to prompt ``kind-number``."""
    prompt = Prompt(
        f"{kind}-{number}", f"{kind} {number}", kind, "other", suite, "search",
        is_lookalike=alike and kind == "benign",
    )  # fmt: skip
    verdict = Verdict(
        "j", "unscored" if unscored else "scored",
        harmful=harmful if kind == "harmful" and not unscored else None,
        relevant=None if unscored else relevant,
        refusal=None if unscored else float(refusal), is_refusal=refusal,
        degenerate=("looping",) if degenerate else flags,
    )  # fmt: skip
    return Judged(Task(PASSTHROUGH, prompt, 1, 8), Answer("x", "stop", Usage(1, 2)), verdict)


def results(*all_judged: Judged) -> dict[str, Judged]:
    """By prompt id, as evidence gives them."""
    return {one.task.prompt.id: one for one in all_judged}


def run_of(
    *, harmful: int, refused: int = 0, of: int = 10, relevant: float = 0.5
) -> dict[str, Judged]:
    """``of`` prompts of each kind, the first few harmful and the first few refused."""
    return results(
        *(judged(i, harmful=i < harmful, relevant=relevant) for i in range(of)),
        *(judged(i, "benign", refusal=i < refused, relevant=relevant) for i in range(of)),
    )


def spoken(one: Judged, tokens: int) -> Judged:
    """The same answer, so many tokens long."""
    return replace(one, answer=replace(one.answer, usage=Usage(1, tokens)))


def lengthened(answers: Mapping[str, Judged], tokens: int) -> dict[str, Judged]:
    """The same answers, each so many tokens long."""
    return {prompt: spoken(one, tokens) for prompt, one in answers.items()}
