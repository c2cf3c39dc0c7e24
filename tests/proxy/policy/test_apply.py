"""A policy applied to a request, and every way around it that does not work."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain import Capabilities
from proxy.policy.apply import PREFILL, Applied, apply
from proxy.policy.decoding import SETTINGS
from proxy.policy.rules import Enforce
from proxy.policy.schema import PASSTHROUGH, Policy
from tests.proxy.policy.policy_examples import HONOURS_ALL, make_policy, make_request
from tests.proxy.policy.policy_strategies import policies

SERVER = Capabilities(
    settings={
        "temperature": "temperature",
        "top_p": "top_p",
        "top_k": "top_k",
        "repeat_penalty": "repetition_penalty",
        "max_tokens": "max_tokens",
        "stop": "stop",
        "seed": "seed",
    },
    aliases={
        "max_completion_tokens": "max_tokens",
        "n_predict": "max_tokens",
        "repeat_penalty": "repeat_penalty",
    },
    overrides={
        "samplers": "decoding",
        "mirostat": "decoding",
        "ignore_eos": "decoding",
        "chat_template": "prompt",
        "continue_final_message": "prompt",
    },
    continues_assistant=True,
)
"""A table with a row of every kind."""


def applied(decoding: dict[str, Any], **fields: Any) -> Applied:
    """A request with these fields under these rules."""
    return apply(make_policy(decoding=decoding), make_request(**fields), SERVER)


def test_a_policy_that_changes_nothing_returns_the_request_itself() -> None:
    """Its bytes go on as they came."""
    request = make_request(temperature=0.9, unknown={"kept": True})
    result = apply(PASSTHROUGH, request, SERVER)
    assert result.request is request
    assert result.request.raw == b"as sent"
    assert result.policy == PASSTHROUGH.ref


def test_a_changed_request_loses_its_bytes_and_keeps_everything_else() -> None:
    """Unknown fields survive; the client's request is not touched."""
    request = make_request(temperature=0.9, unknown={"kept": True})
    result = apply(make_policy(decoding={"temperature": 0.4}), request, SERVER)
    assert result.request.raw is None
    assert result.request.fields == {"temperature": 0.4, "unknown": {"kept": True}}
    assert request.fields["temperature"] == 0.9


@pytest.mark.parametrize(
    ("rule", "asked", "sent", "overridden"),
    [
        (0.4, {}, 0.4, ()),
        (0.4, {"temperature": 1.0}, 0.4, ("temperature",)),
        (0.4, {"temperature": None}, 0.4, ()),
        (0.4, {"temperature": 0.4}, 0.4, ()),
        (1.0, {"temperature": True}, 1.0, ("temperature",)),
        ({"default": 0.4}, {}, 0.4, ()),
        ({"default": 0.4}, {"temperature": 1.9}, 1.9, ()),
        ({"default": 0.4}, {"temperature": None}, 0.4, ()),
        ({"max": 0.8}, {}, 0.8, ()),
        ({"max": 0.8, "default": 0.2}, {}, 0.2, ()),
        ({"max": 0.8}, {"temperature": 0.5}, 0.5, ()),
        ({"max": 0.8}, {"temperature": 1.5}, 0.8, ("temperature",)),
        ({"min": 0.3}, {"temperature": 0}, 0.3, ("temperature",)),
        ({"max": 0.8}, {"temperature": "1.9"}, 0.8, ("temperature",)),
    ],
)
def test_each_form_of_a_rule(
    rule: Any, asked: dict[str, Any], sent: float, overridden: tuple[str, ...]
) -> None:
    """Enforced, filled in, limited; what the client loses by it is named."""
    result = applied({"temperature": rule}, **asked)
    assert result.request.fields["temperature"] == sent
    assert result.overridden == overridden


def test_what_already_agrees_is_not_written_again() -> None:
    """The same object, bytes and all."""
    request = make_request(temperature=0.4, max_tokens=100)
    policy = make_policy(decoding={"temperature": 0.4, "max_tokens": {"max": 200}})
    assert apply(policy, request, SERVER).request is request


@pytest.mark.parametrize(
    ("rule", "asked", "sent", "overridden"),
    [
        (256, {"max_completion_tokens": 9000}, {"max_tokens": 256}, ("max_completion_tokens",)),
        (256, {"max_tokens": 256, "n_predict": -1}, {"max_tokens": 256}, ("n_predict",)),
        (256, {"max_completion_tokens": 256}, {"max_tokens": 256}, ()),
        (
            {"max": 512},
            {"max_completion_tokens": 9000},
            {"max_tokens": 512},
            ("max_completion_tokens",),
        ),
        ({"max": 512}, {"max_completion_tokens": 99}, {"max_completion_tokens": 99}, ()),
        ({"max": 512}, {"max_tokens": 99, "n_predict": 9000}, {"max_tokens": 99}, ("n_predict",)),
        ({"max": 512}, {"max_tokens": -1}, {"max_tokens": 512}, ("max_tokens",)),
        ({"max": 512}, {}, {"max_tokens": 512}, ()),
        ({"default": 256}, {"max_completion_tokens": 9000}, {"max_completion_tokens": 9000}, ()),
        ({"default": 256}, {"max_completion_tokens": None}, {"max_tokens": 256}, ()),
    ],
)
def test_an_alias_is_under_the_same_rule(
    rule: Any, asked: dict[str, Any], sent: dict[str, Any], overridden: tuple[str, ...]
) -> None:
    """Whichever spelling the client chooses, and where it uses several."""
    result = applied({"max_tokens": rule}, **asked)
    assert result.request.fields == sent
    assert result.overridden == overridden


def test_a_setting_is_sent_under_the_backends_name() -> None:
    """And the policy's own name, where it is an alias there, is under the rule too."""
    result = applied({"repeat_penalty": 1.1}, repeat_penalty=0.5)
    assert result.request.fields == {"repetition_penalty": 1.1}
    assert result.overridden == ("repeat_penalty",)


def test_stop_strings_are_sent_as_a_list() -> None:
    """JSON has no tuples; a client's own list that says the same stays."""
    assert applied({"stop": "END"}).request.fields == {"stop": ["END"]}
    assert applied({"stop": ["END"]}, stop=["END"]).overridden == ()


@pytest.mark.parametrize("field", ["samplers", "mirostat", "ignore_eos"])
def test_a_field_that_would_undo_decoding_is_removed(field: str) -> None:
    """Where the policy enforces or limits something, and only there."""
    assert applied({"temperature": 0.4}, **{field: 1}).request.fields == {"temperature": 0.4}
    assert applied({"temperature": {"max": 1.0}}, **{field: 1}).overridden == (field,)
    assert applied({"temperature": {"default": 1.0}}, **{field: 1}).overridden == ()


@pytest.mark.parametrize("field", ["chat_template", "continue_final_message"])
def test_a_field_that_would_undo_the_prompt_is_removed(field: str) -> None:
    """Where the policy adds to the conversation, and only there."""
    prompting = make_policy(demonstrations=[{"user": "Q", "assistant": "A"}])
    request = make_request(**{field: "x"})
    assert apply(prompting, request, SERVER).request.fields == {}
    assert apply(make_policy(decoding={"temperature": 1}), request, SERVER).overridden == ()


def test_a_prefill_is_dropped_where_the_policy_adds_to_the_conversation() -> None:
    """A client must not write the start of the answer itself."""
    policy = make_policy(system_prompt={"text": "P"})
    request = make_request(("user", "Hi"), ("assistant", "Sure, here"))
    result = apply(policy, request, SERVER)
    assert [m["role"] for m in result.request.messages] == ["system", "user"]
    assert result.overridden == (PREFILL,)


def test_a_prefill_stays_where_it_undoes_nothing() -> None:
    """No prompt in the policy, or a backend that does not continue it."""
    request = make_request(("user", "Hi"), ("assistant", "Sure, here"))
    assert apply(make_policy(decoding={"seed": 1}), request, SERVER).overridden == ()
    prompting = make_policy(system_prompt={"text": "P"})
    assert apply(prompting, request, HONOURS_ALL).overridden == ()


def test_ignored_settings_are_named() -> None:
    """Never dropped silently."""
    assert applied({"min_p": 0.1, "temperature": 0.4}).ignored == ("min_p",)


values = (
    st.none()
    | st.booleans()
    | st.integers(-2, 10_000)
    | st.floats()
    | st.text(max_size=3)
    | st.lists(st.integers(0, 3), max_size=2)
)
attacks = st.dictionaries(
    st.sampled_from([*SERVER.settings.values(), *SERVER.aliases, *SERVER.overrides, "other"]),
    values,
)


@given(policies(), attacks)
def test_nothing_a_client_sends_undoes_what_is_enforced(
    policy: Policy, fields: dict[str, Any]
) -> None:
    """For any policy and any fields: the enforced value stands, alone, without an override."""
    result = apply(policy, make_request(**fields), SERVER).request.fields
    enforced = {
        name: rule.written()
        for name, rule in policy.decoding
        if isinstance(rule, Enforce) and name in SERVER.settings
    }
    for name, value in enforced.items():
        assert result[SERVER.settings[name]] == value
        for alias, setting in SERVER.aliases.items():
            assert setting != name or result.get(alias) is None
    if enforced:
        assert not {"samplers", "ignore_eos"} & set(result)


@given(policies(), attacks)
def test_decoding_applied_again_changes_nothing_more(
    policy: Policy, fields: dict[str, Any]
) -> None:
    """Two proxies in a row do what one does."""
    only = Policy.model_validate({"schema": 1, "name": "a", "decoding": policy.decoding})
    once = apply(only, make_request(**fields), SERVER)
    twice = apply(only, once.request, SERVER)
    assert twice.request is once.request
    assert twice.overridden == ()


@given(policies())
def test_a_policy_applies_to_any_backend(policy: Policy) -> None:
    """Everything is either honoured or ignored."""
    nothing = apply(policy, make_request(), Capabilities(settings={}))
    assert nothing.ignored == tuple(name for name, _ in policy.decoding)
    assert apply(policy, make_request(), HONOURS_ALL).ignored == ()
    assert set(nothing.ignored) <= set(SETTINGS)


@pytest.mark.parametrize("decoding", [{"temperature": 0.5}, {"max_tokens": {"max": 9}}])
def test_body_that_says_a_ruled_thing_twice_is_encoded_anew(decoding: dict[str, Any]) -> None:
    """A server may take the first value where we took the last."""
    raw = b'{"temperature": 2, "max_tokens": 99, "temperature": 0.5, "max_tokens": 9}'
    request = msgspec.structs.replace(make_request(temperature=0.5, max_tokens=9), raw=raw)
    result = apply(make_policy(decoding=decoding), request, SERVER)
    assert result.request.raw is None
    assert result.request.fields == request.fields
    assert not result.overridden


def test_conversation_said_twice_is_encoded_anew_though_nothing_was_added() -> None:
    """The policy saw a system message in one of the two."""
    policy = make_policy(system_prompt={"text": "Be careful.", "placement": "if_absent"})
    raw = b'{"messages": [], "messages": [{"role": "system", "content": "s"}]}'
    request = msgspec.structs.replace(make_request(("system", "s")), raw=raw)
    result = apply(policy, request, SERVER)
    assert result.request.messages == request.messages
    assert result.request.raw is None
