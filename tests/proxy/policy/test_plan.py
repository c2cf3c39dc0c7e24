"""A policy compiled for one backend."""

from __future__ import annotations

from typing import Any

from proxy.domain import Capabilities
from proxy.policy.plan import MAX_PLANS, compile_plan, plan_for
from tests.proxy.policy.policy_examples import HONOURS_ALL, make_policy


def test_settings_that_the_backend_does_not_know_are_ignored() -> None:
    """And named, in the order of the table."""
    policy = make_policy(decoding={"min_p": 0.1, "temperature": 0.5, "top_k": {"default": 40}})
    plan = compile_plan(policy, Capabilities(settings={"temperature": "temperature"}))
    assert plan.ignored == ("top_k", "min_p")
    assert [rule.field for rule in plan.rules] == ["temperature"]


def test_a_rule_knows_every_way_to_ask() -> None:
    """The backend's own field first, then the aliases."""
    capabilities = Capabilities(
        settings={"max_tokens": "max_completion_tokens"},
        aliases={"max_tokens": "max_tokens", "n_predict": "max_tokens", "t": "temperature"},
    )
    plan = compile_plan(make_policy(decoding={"max_tokens": 5}), capabilities)
    assert plan.rules[0].names == ("max_completion_tokens", "max_tokens", "n_predict")


def test_a_value_that_the_backend_refuses_is_the_nearest_one_and_reported() -> None:
    """It would otherwise turn every request away."""
    capabilities = Capabilities(
        settings={"temperature": "t", "top_p": "p"},
        ranges={"temperature": (0.0, 1.0), "top_p": (0.001, 0.999)},
    )
    rules = {"temperature": 1.5, "top_p": {"min": 0.5}}
    plan = compile_plan(make_policy(decoding=rules), capabilities)
    assert plan.ignored == ("temperature",)
    assert [rule.decide({}) for rule in plan.rules] == [(1.0, ()), (0.999, ())]
    assert plan.rules[0].decide({"t": 1.5}) == (1.0, ("t",))


def test_overrides_are_removed_only_where_they_undo_something() -> None:
    """Of the parts that the policy sets; a default is there to be overridden."""
    capabilities = Capabilities(
        settings={"temperature": "temperature", "mirostat": "mirostat"},
        overrides={"samplers": "decoding", "mirostat": "decoding", "chat_template": "prompt",
                   "fallbacks": "any"},
    )  # fmt: skip

    def removed(**parts: Any) -> set[str]:
        return set(compile_plan(make_policy(**parts), capabilities).removed)

    assert removed() == set()
    assert removed(decoding={"temperature": {"default": 1}}) == set()
    assert removed(decoding={"min_p": 0.1}) == set()
    assert removed(decoding={"temperature": 1}) == {"samplers", "mirostat", "fallbacks"}
    limited = {"temperature": {"max": 1}, "mirostat": {"default": 2}}
    assert removed(decoding=limited) == {"samplers", "fallbacks"}
    assert removed(system_prompt={"text": "P"}) == {"chat_template", "fallbacks"}


def test_a_plan_is_compiled_once_for_each_pair() -> None:
    """It is looked up for every request."""
    policy = make_policy()
    assert plan_for(policy, HONOURS_ALL) is plan_for(policy, HONOURS_ALL)
    assert plan_for(make_policy(), HONOURS_ALL) is not plan_for(policy, HONOURS_ALL)


def test_more_policies_than_fit_still_get_their_own_plans() -> None:
    """A tuner's run applies thousands; ids that come again must not mix them up."""
    for number in range(MAX_PLANS + 10):
        policy = make_policy(decoding={"seed": number})
        assert plan_for(policy, HONOURS_ALL).policy is policy


def test_prompt_is_ignored_where_requests_hold_no_conversation() -> None:
    """It is named, its overrides are left alone, and without it the policy guards nothing."""
    capabilities = Capabilities(
        settings={"temperature": "temperature"},
        overrides={"echo": "prompt"},
        conversation=None,
    )
    shown = [{"user": "u", "assistant": "a"}]
    policy = make_policy(
        system_prompt={"text": "x"}, demonstrations=shown, decoding={"temperature": 0.5, "top_k": 1}
    )
    plan = compile_plan(policy, capabilities)
    assert plan.ignored == ("system_prompt", "demonstrations", "top_k")
    assert not plan.removed
    assert (plan.sets_prompt, plan.sets_input, plan.guards) == (False, False, False)


def test_policy_guards_where_something_of_it_takes_effect() -> None:
    """A prompt where there is a conversation, or a decoding setting that is honoured."""
    honours_nothing = Capabilities(settings={})
    assert compile_plan(make_policy(system_prompt={"text": "x"}), honours_nothing).guards
    assert compile_plan(make_policy(decoding={"seed": 1}), HONOURS_ALL).guards
    assert not compile_plan(make_policy(decoding={"seed": 1}), honours_nothing).guards
    assert not compile_plan(make_policy(), HONOURS_ALL).guards
