"""A policy applied to a request: pure, and on the path of every answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from proxy.domain import Capabilities, ChatRequest, Message, PolicyRef
from proxy.policy.input_items import instruct
from proxy.policy.placement import place, without_prefill
from proxy.policy.plan import Plan, plan_for
from proxy.policy.said_once import says_once
from proxy.policy.schema import Policy

CONVERSATION = ("messages", "input", "instructions", "prompt")
"""Fields that hold what is asked, on any route."""

PREFILL = "assistant_prefill"
"""How a dropped trailing assistant message is named among what was overridden."""


class Applied(msgspec.Struct, frozen=True):
    """A request as the policy wants it.

    Args:
        request: the client's own object where nothing changed, else a new one without ``raw``.
        policy: the identity of what was applied.
        ignored: what the policy sets and the backend cannot honour.
        overridden: the client's fields that were changed or removed, and :data:`PREFILL`.
        guards: whether the policy takes effect: with its prompt, if it has one.
    """

    request: ChatRequest
    policy: PolicyRef
    ignored: tuple[str, ...] = ()
    overridden: tuple[str, ...] = ()
    guards: bool = True


def apply(policy: Policy, request: ChatRequest, capabilities: Capabilities) -> Applied:
    """Return the request under a policy; the client cannot undo what the policy enforces.

    Args:
        policy: what to apply.
        request: what the client sent; not changed.
        capabilities: what the backend honours, and in which words.
    """
    plan = plan_for(policy, capabilities)
    messages, prefill = _converse(plan, request.messages)
    fields, overridden = _decode(plan, request.fields)
    if plan.sets_input:
        fields, prefill = _instruct(plan, fields)
    if messages is not request.messages or fields is not request.fields:
        request = msgspec.structs.replace(request, messages=messages, fields=fields, raw=None)
    elif plan.touches and request.raw is not None and not _is_plain(plan, request.raw):
        request = msgspec.structs.replace(request, raw=None)
    return Applied(request, policy.ref, plan.ignored, (*overridden, *prefill), plan.guards)


def _is_plain(plan: Plan, raw: bytes) -> bool:
    """Whether what the rules allowed is all that the body says of it, and of what is asked."""
    names = [name for rule in plan.rules for name in rule.names]
    return says_once(raw, [*names, *CONVERSATION])


def _converse(
    plan: Plan, messages: tuple[Message, ...]
) -> tuple[tuple[Message, ...], tuple[str, ...]]:
    if not plan.sets_prompt:
        return messages, ()
    kept = without_prefill(messages) if plan.drops_prefill else messages
    placed = place(kept, plan.policy.system_prompt, plan.turns)
    return placed, () if kept is messages else (PREFILL,)


def _instruct(plan: Plan, fields: Mapping[str, Any]) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    fields, is_cut = instruct(
        fields, plan.policy.system_prompt, plan.turns, drops_prefill=plan.drops_prefill
    )
    return fields, (PREFILL,) if is_cut else ()


def _decode(plan: Plan, fields: Mapping[str, Any]) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    changed: dict[str, Any] | None = None
    overridden: list[str] = []
    if not plan.removed.isdisjoint(fields):
        overridden = [name for name in fields if name in plan.removed]
        changed = {name: value for name, value in fields.items() if name not in plan.removed}
    for rule in plan.rules:
        decision = rule.decide(fields)
        if decision is None:
            continue
        value, lost = decision
        changed = dict(fields) if changed is None else changed
        for name in rule.names:
            changed.pop(name, None)
        changed[rule.field] = value
        overridden.extend(lost)
    return (fields if changed is None else changed), tuple(overridden)
