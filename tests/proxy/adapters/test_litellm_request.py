"""Requests in LiteLLM's words and in ours, there and back."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.adapters.litellm_overrides import on_chat
from proxy.adapters.litellm_request import Asked, Change, asked, changed
from proxy.backends.litellm_fields import DETOURS
from proxy.backends.litellm_params import capabilities
from proxy.errors import RequestError
from proxy.policy.apply import apply
from proxy.policy.plan import plan_for
from proxy.policy.schema import Policy
from proxy.wire.routes import CHAT, RESPONSES
from tests.proxy.adapters.host_app import ASK
from tests.proxy.policy.policy_examples import make_policy

PROVIDER = capabilities("openai", ["temperature", "max_tokens"])
CAPABLE = on_chat(PROVIDER.settings, PROVIDER.aliases, PROVIDER.ranges)
CAREFUL = make_policy(system_prompt={"text": "Be careful."}, decoding={"temperature": 0.5})


def _asked(**fields: Any) -> Asked:
    return asked({**ASK, **fields}, CHAT, model="m", key_id="k")


def _change(policy: Policy = CAREFUL, **fields: Any) -> Change:
    before = _asked(**fields)
    return changed(before, apply(policy, before.request, CAPABLE), plan_for(policy, CAPABLE))


def test_request_is_read_without_what_is_litellms_own() -> None:
    """Its own values cannot be encoded, and are none of a policy's business."""
    data = {"litellm_logging_obj": object(), "metadata": {"x": object()}, "shared": object()}
    request = _asked(**data, n=1, litellm_call_id="id", tools=[{"type": "function"}]).request
    assert request.fields == {"n": 1, "litellm_call_id": "id", "tools": [{"type": "function"}]}
    assert (request.model, request.key_id, request.request_id) == ("m", "k", "id")
    assert request.raw is None


def test_request_is_checked_as_one_from_the_wire() -> None:
    """A temperature that is a text could not be compared."""
    with pytest.raises(RequestError, match="temperature"):
        _asked(temperature="2")
    with pytest.raises(RequestError, match="Did you mean `messages`"):
        _asked(Messages=[])


def test_conversation_comes_from_the_clients_headers() -> None:
    """As LiteLLM keeps them."""
    headers = {"accept": "*/*", "X-GuardTune-Conversation": "c1"}
    assert _asked(proxy_server_request={"headers": headers}).request.conversation == "c1"
    assert _asked(proxy_server_request={"headers": None}).request.conversation is None


@pytest.mark.parametrize("name", DETOURS)
def test_detours_are_dropped_whatever_the_policy(name: str) -> None:
    """They lead to models, and messages, that no policy was asked about."""
    before = _asked(**{name: ["other"]})
    assert before.dropped == (name,)
    assert name not in before.request.fields
    change = _change(make_policy(), **{name: ["other"]})
    assert (change.removed, change.beside) == ((name,), (name,))


def test_only_what_the_policy_changed_is_written() -> None:
    """The rest stays LiteLLM's own."""
    change = _change(temperature=2, samplers=[], top_p=0.9, n=1)
    assert change.removed == ("samplers",)
    assert change.written == {
        "temperature": 0.5,
        "messages": [{"role": "system", "content": "Be careful."}, *ASK["messages"]],
    }
    assert change.beside == ()


def test_change_is_put_into_the_same_data_as_copies() -> None:
    """LiteLLM rewrites messages in place, and a policy's are shared by all requests."""
    data: dict[str, Any] = {**ASK, "samplers": [], "extra_headers": {"X-GuardTune-Policy": "x"}}
    change = _change(demonstrations_policy(), samplers=[])
    change.put_into(data)
    assert data["messages"][0] == {"role": "user", "content": "u"}
    assert "samplers" not in data
    assert data["extra_headers"] == {}
    data["messages"][0]["content"] = "changed"
    assert change.written["messages"][0]["content"] == "u"


def demonstrations_policy() -> Policy:
    """One that has turns to share, and something that samplers would undo."""
    return make_policy(
        demonstrations=[{"user": "u", "assistant": "a"}], decoding={"temperature": 0.5}
    )


def test_extra_body_keeps_only_what_no_policy_rules() -> None:
    """There, fields win over everything else in the request."""
    extra = {
        "temperature": 2,
        "TEMPERATURE": 2,
        "\u017famplers": [],
        "messages": [],
        "prompt": "x",
        "model": "other",
        "extra_body": {},
        "chat_template": "t",
        "guided_json": {},
    }
    change = _change(extra_body=extra)
    assert change.written["extra_body"] == {"guided_json": {}}
    names = {name.casefold() for name in extra} - {"guided_json"}
    assert sorted(change.beside) == sorted(f"extra_body.{name}" for name in names)
    assert all(name.isascii() for name in change.beside)


def test_extra_body_that_is_in_nobodys_way_stays_as_it_is() -> None:
    """No policy, no rules; but never another model or another conversation."""
    nothing = make_policy()
    assert _change(nothing, extra_body={"temperature": 2}).written == {}
    assert _change(nothing, extra_body={"model": "x", "a": 1}).written == {"extra_body": {"a": 1}}


@pytest.mark.parametrize("extra", ["temperature", 1, []])
def test_extra_body_that_is_no_object_is_refused(extra: Any) -> None:
    """Nobody knows what a provider would make of it."""
    with pytest.raises(RequestError, match="extra_body"):
        _change(extra_body=extra)


def test_response_is_read_in_its_own_words() -> None:
    """Its messages are only our reading of it."""
    before = asked({"model": "m", "input": "hi"}, RESPONSES, model="m", key_id=None)
    assert before.request.messages == ({"role": "user", "content": "hi"},)
    assert before.request.fields == {"input": "hi"}
