"""A policy compiled for one backend: what can be known before a request comes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from proxy.domain import Capabilities, Message
from proxy.policy.decoding import SETTINGS
from proxy.policy.fitting import ANY, Range, fitted, holds, nearest
from proxy.policy.input_items import as_input_turns
from proxy.policy.placement import as_turns
from proxy.policy.rules import Clamp, Default, Enforce, Rule
from proxy.policy.schema import Policy
from proxy.policy.setting import Setting

MAX_PLANS = 1024


Decision = tuple[Any, tuple[str, ...]]
"""The value to send, and the fields in which the client asked for another."""


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One rule in the backend's words.

    Args:
        field: the request field that the backend reads.
        names: that field and its aliases, every way a client can ask.
        setting: what the values mean.
        rule: what the policy says.
        unasked: the decision where the client asked for nothing, which is the usual case.
    """

    field: str
    names: tuple[str, ...]
    setting: Setting
    rule: Rule
    unasked: Decision | None

    def decide(self, fields: Mapping[str, Any]) -> Decision | None:
        """Return what to do about this setting; None where nothing changes."""
        asked = [name for name in self.names if fields.get(name) is not None]
        if not asked:
            return self.unasked
        match self.rule:
            case Enforce(value=value):
                return self._enforce(_wire(value), fields, asked)
            case Default():
                return None
            case Clamp():
                return self._clamp(self.rule, fields, asked)

    def _enforce(self, value: Any, fields: Mapping[str, Any], asked: list[str]) -> Decision | None:
        lost = tuple([name for name in asked if not _same(fields[name], value)])
        return None if asked == [self.field] and not lost else (value, lost)

    def _clamp(self, clamp: Clamp, fields: Mapping[str, Any], asked: list[str]) -> Decision | None:
        limited = {name: self.setting.clamped(clamp, fields[name]) for name in asked}
        lost = tuple(name for name, value in limited.items() if value is not None)
        if not lost:
            return None
        first = limited[asked[0]]
        return (fields[asked[0]] if first is None else first), lost


@dataclass(frozen=True, slots=True)
class Plan:
    """What a policy does to requests for one backend.

    Args:
        policy: the policy.
        capabilities: the backend's.
        turns: the demonstrations as messages.
        rules: the decoding rules that the backend honours.
        ignored: the settings that it does not, or not as they stand, and ``system_prompt`` and
            ``demonstrations`` where requests hold no conversation.
        removed: request fields that would undo the policy.
        sets_prompt: whether the policy adds to a conversation in ``messages``.
        sets_input: whether it adds to one in ``instructions`` and ``input``.
        drops_prefill: whether a trailing assistant message is dropped.
        touches: whether it may change anything.
        guards: whether the policy takes effect: with its prompt, if it has one.
    """

    policy: Policy
    capabilities: Capabilities
    turns: tuple[Message, ...]
    rules: tuple[FieldRule, ...]
    ignored: tuple[str, ...]
    removed: frozenset[str]
    sets_prompt: bool
    sets_input: bool
    drops_prefill: bool
    touches: bool
    guards: bool


def compile_plan(policy: Policy, capabilities: Capabilities) -> Plan:
    """Return the plan for a policy on a backend."""
    rules = {
        name: _field_rule(name, rule, capabilities)
        for name, rule in policy.decoding
        if name in capabilities.settings
    }
    place = capabilities.conversation
    joins = policy.sets_prompt and place is not None
    return Plan(
        policy=policy,
        capabilities=capabilities,
        turns=_turns(policy, capabilities),
        rules=tuple(rules.values()),
        ignored=(
            *(() if place else _prompt_parts(policy)),
            *(
                name
                for name, rule in policy.decoding
                if name not in rules or not holds(rule, rules[name].rule)
            ),
        ),
        removed=_removed(rules.values(), capabilities, joins_conversation=joins),
        sets_prompt=joins and place == "messages",
        sets_input=joins and place != "messages",
        drops_prefill=joins and capabilities.continues_assistant,
        touches=joins or bool(rules),
        guards=joins or (bool(rules) and not policy.sets_prompt),
    )


def plan_for(policy: Policy, capabilities: Capabilities) -> Plan:
    """Return the plan, compiled once for each pair of objects.

    By identity: neither hashes cheaply. A plan keeps both alive, so an id is not used again while
    it stands here. Safe across threads: the worst is compiling twice.
    """
    key = (id(policy), id(capabilities))
    plan = _plans.get(key)
    if plan is None:
        if len(_plans) >= MAX_PLANS:  # a tuner's run goes through thousands
            _plans.clear()
        plan = _plans[key] = compile_plan(policy, capabilities)
    return plan


_plans: dict[tuple[int, int], Plan] = {}


def _field_rule(name: str, rule: Rule, capabilities: Capabilities) -> FieldRule:
    field = capabilities.settings[name]
    aliases = (alias for alias, setting in capabilities.aliases.items() if setting == name)
    names = (field, *(alias for alias in aliases if alias != field))
    within = capabilities.ranges.get(name, ANY)
    rule, setting = fitted(rule, within), SETTINGS[name]
    return FieldRule(field, names, setting, rule, _unasked(rule, setting, within))


def _unasked(rule: Rule, setting: Setting, within: Range) -> Decision | None:
    value = setting.fallback(rule) if isinstance(rule, Clamp) else _wire(rule.value)
    return None if value is None else (nearest(value, within), ())


def _turns(policy: Policy, capabilities: Capabilities) -> tuple[Message, ...]:
    turns = as_turns(policy.demonstrations)
    return as_input_turns(turns) if capabilities.conversation == "input_parts" else turns


def _prompt_parts(policy: Policy) -> tuple[str, ...]:
    parts = {
        "system_prompt": policy.system_prompt is not None,
        "demonstrations": bool(policy.demonstrations),
    }
    return tuple(name for name, is_set in parts.items() if is_set)


def _removed(
    rules: Collection[FieldRule], capabilities: Capabilities, *, joins_conversation: bool
) -> frozenset[str]:
    """Return the overrides of the parts that the policy sets; a mere default may be overridden."""
    parts = set()
    if joins_conversation:
        parts.add("prompt")
    if any(not isinstance(rule.rule, Default) for rule in rules):
        parts.add("decoding")
    if parts:
        parts.add("any")
    ruled = {name for rule in rules for name in rule.names}
    return frozenset(
        field
        for field, part in capabilities.overrides.items()
        if part in parts and field not in ruled
    )


def _wire(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _same(asked: Any, value: Any) -> bool:
    """Whether a client asked for just this; `true` is not 1, whatever Python says."""
    return not isinstance(asked, bool) and bool(asked == value)
