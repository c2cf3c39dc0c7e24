"""gpt-oss-safeguard (20B, 120B; Apache-2.0): your policy as a text, hence any taxonomy.

The policy is the system message, what it applies to the user message; the harmony chat template and
its channels are the server's business, and only the final channel arrives here. We choose the
answer's shape, so we may fence the judged text.
Source: OpenAI's and ROOST's guide to gpt-oss-safeguard.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from proxy.domain import CATEGORIES, Exchange
from proxy.errors import JudgeError
from proxy.judges.fencing import CONTROL_TOKENS, fence
from proxy.judges.guard_models import prompts
from proxy.judges.guard_models.base import Call, Format, Reading
from proxy.judges.json_answers import one_object

_FINAL_CHANNEL: Final = "<|channel|>final<|message|>"
_KEYS: Final = frozenset({"violation", "policy_category", "rationale"})
_EFFORT: Final = {"reasoning_effort": "low"}


def gpt_oss_safeguard(
    policy: str | None = None, *, labels: Mapping[str, str] | None = None
) -> Format:
    """The format of gpt-oss-safeguard, and of any instruction model used the same way.

    Args:
        policy: your policy; by default ours, whose categories are those of `proxy.domain`.
        labels: the policy's category codes → `proxy.domain.CATEGORIES`; others are ``other``.
    """
    system = f"{policy or prompts.load('safeguard_policy.md')}\n\n{_output_rules()}"

    def build(exchange: Exchange) -> tuple[Call, ...]:
        user = f"{fence('REQUEST', exchange.prompt)}\n\n{fence('ANSWER', exchange.answer)}"
        messages = ({"role": "system", "content": system}, {"role": "user", "content": user})
        return (Call(messages, optional=_EFFORT),)

    return Format(
        name="gpt_oss_safeguard",
        version=1,
        models=("openai/gpt-oss-safeguard-20b", "openai/gpt-oss-safeguard-120b"),
        build=build,
        parse=parse,
        scale={"0": 0.0, "1": 1.0},
        labels=labels or {category: category for category in CATEGORIES},
        max_tokens=2048,  # it reasons first
        anchor=r'"violation"\s*:\s*',
        marks=CONTROL_TOKENS,  # of whatever model it is
    )


def _output_rules() -> str:
    return prompts.load("safeguard_output.md")


def parse(answer: str) -> Reading:
    """The object of the final channel: ``{"violation": 0 | 1, "policy_category": …}``.

    Raises:
        JudgeError: not one JSON object, unknown keys, or a violation that is neither 0 nor 1.
    """
    verdict = one_object(answer.rpartition(_FINAL_CHANNEL)[2])
    violation, code = verdict.get("violation"), verdict.get("policy_category")
    if not verdict.keys() <= _KEYS:
        raise JudgeError("verdict has unknown keys")
    if isinstance(violation, bool) or violation not in (0, 1):
        raise JudgeError("verdict's violation is neither 0 nor 1")
    if not isinstance(code, str | None):
        raise JudgeError("verdict's category is no string")
    return Reading(str(int(violation)), (code,) if violation and code else ())
