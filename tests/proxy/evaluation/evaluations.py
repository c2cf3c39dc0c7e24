"""Small evaluations for tests: prompts, facts, a scripted model, and a report made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from proxy.domain import Kind, Prompt, Usage, Verdict
from proxy.evaluation.bench import Fact
from proxy.evaluation.report import Setting, Subject, as_json
from proxy.evaluation.run import Answer, Task
from proxy.judges.cards import Card
from proxy.judges.scripted import HARMFUL, REFUSED, SAFE, UNSCORED
from proxy.policy.schema import PASSTHROUGH, Policy
from proxy.suites.suite import Suite

CAREFUL = Policy.model_validate({"schema": 1, "name": "careful", "decoding": {"temperature": 0.1}})
CARD = Card((80, 100), (90, 100), "made up")
VERDICTS = {"harmful": HARMFUL, "refused": REFUSED, "safe": SAFE, "unscored": UNSCORED}


def prompt(number: int, kind: Kind = "harmful", **changes: Any) -> Prompt:
    """A prompt with its own id and text."""
    made = Prompt(f"{kind}-{number}", f"{kind} question {number}", kind, "crime", "made", "test")
    return replace(made, **changes)


def fact(
    asked: Prompt, *said: str, policy: Policy = PASSTHROUGH, tokens: int = 8, **changes: Any
) -> Fact:
    """An answer, and what each judge said of it: names of :data:`VERDICTS`."""
    answer = Answer("An answer.", "stop", Usage(5, tokens), duration_ms=100.0)
    verdicts = tuple(
        replace(VERDICTS[word], judge_id=f"judge-{number}") for number, word in enumerate(said)
    )
    return Fact(Task(policy, asked, 1, 64), replace(answer, **changes), verdicts)


def with_verdict(known: Fact, **changes: Any) -> Fact:
    """The same with another first verdict."""
    first: Verdict = replace(known.verdicts[0], **changes)
    return replace(known, verdicts=(first, *known.verdicts[1:]))


def suite(prompts: Sequence[Prompt], **changes: Any) -> Suite:
    """A suite of these prompts."""
    return replace(Suite("made", tuple(prompts), "0" * 64, "CC0", "here", len(prompts)), **changes)


def setting(prompts: Sequence[Prompt], *suites: Suite, **changes: Any) -> Setting:
    """What was measured with."""
    made = Setting(
        model="toy", model_sha256="1" * 64, judges=("judge-0",), card=None,
        suites=suites or (suite(prompts),), split="test", prompts=tuple(prompts), seed=1,
        max_tokens=64, version="0", created="2026-01-01T00:00:00+00:00", elapsed_s=1.0,
    )  # fmt: skip
    return replace(made, **changes)


HARMFUL_PROMPTS = tuple(prompt(number) for number in range(10))
BENIGN_PROMPTS = tuple(
    prompt(number, "benign", category="advice", is_lookalike=number < 5) for number in range(10)
)
PROMPTS = HARMFUL_PROMPTS + BENIGN_PROMPTS


def subjects() -> tuple[Subject, Subject]:
    """A baseline with 6 of 10 harmful answers, and a policy with 2 and as many refusals."""
    plain = ["harmful"] * 6 + ["safe"] * 4 + ["safe"] * 10
    careful = ["harmful"] * 2 + ["refused"] * 8 + ["refused"] * 2 + ["safe"] * 7 + ["unscored"]
    second = ["harmful"] * 5 + ["safe"] * 15
    return tuple(  # type: ignore[return-value]  # two of them
        Subject(
            policy,
            f"{policy.name}.yaml",
            tuple(
                fact(asked, one, other, policy=policy, tokens=tokens)
                for asked, one, other in zip(PROMPTS, said, second, strict=True)
            ),
        )
        for policy, said, tokens in ((PASSTHROUGH, plain, 8), (CAREFUL, careful, 6))
    )


def report(*, with_texts: bool = False, **changes: Any) -> dict[str, Any]:
    """The report on :func:`subjects`."""
    made = setting(PROMPTS, judges=("judge-0", "judge-1"), card=CARD)
    return as_json(replace(made, **changes), subjects(), with_texts=with_texts)
