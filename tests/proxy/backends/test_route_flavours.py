"""What each flavour honours beside chat: one test a row."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from proxy.backends.config import Flavour
from proxy.backends.flavours import capabilities
from proxy.backends.route_flavours import UNGUARDABLE, route_capabilities
from proxy.backends.routes import COMPLETIONS_PATH, EMBEDDINGS_PATH, RESPONSES_PATH
from proxy.domain import ChatRequest
from proxy.policy.apply import apply
from proxy.policy.schema import Policy

FLAVOURS: tuple[Flavour, ...] = get_args(Flavour)
VALUES: dict[str, Any] = {
    "stop": ["END"],
    "logit_bias": {"5": -1.0},
    "dry_sequence_breakers": ["\n"],
}


def rows(kind: str) -> list[tuple[Flavour, str, str]]:
    """Flavour, key and value of one kind of table, for the Responses API."""
    return [
        (flavour, key, value)
        for flavour in FLAVOURS
        for key, value in getattr(route_capabilities(flavour, RESPONSES_PATH), kind).items()
    ]


def policy(**sections: Any) -> Policy:
    """A small policy."""
    return Policy.model_validate({"schema": 1, "name": "p", **sections})


def asking(**fields: Any) -> ChatRequest:
    """A request of the Responses API."""
    return ChatRequest("m", (), {"input": "hi", **fields})


@pytest.mark.parametrize(("flavour", "setting", "field"), rows("settings"))
def test_enforced_setting_reaches_its_field(flavour: Flavour, setting: str, field: str) -> None:
    """Under the name that this server knows on this route."""
    value = VALUES.get(setting, 1)
    table = route_capabilities(flavour, RESPONSES_PATH)
    result = apply(policy(decoding={setting: value}), asking(**{field: "theirs"}), table)
    assert result.request.fields[field] == value
    assert not result.ignored


@pytest.mark.parametrize(("flavour", "alias", "setting"), rows("aliases"))
def test_alias_does_not_undo_a_setting(flavour: Flavour, alias: str, setting: str) -> None:
    """Another name for the same goes, and is reported."""
    table = route_capabilities(flavour, RESPONSES_PATH)
    result = apply(policy(decoding={setting: 7}), asking(**{alias: 9999}), table)
    assert alias not in result.request.fields
    assert result.overridden == (alias,)


@pytest.mark.parametrize(("flavour", "field", "part"), rows("overrides"))
def test_override_is_removed(flavour: Flavour, field: str, part: str) -> None:
    """Where the policy sets the part that it undoes."""
    table = route_capabilities(flavour, RESPONSES_PATH)
    sections: dict[str, Any] = {
        "decoding": {"decoding": {"temperature": 0.5}},
        "prompt": {"system_prompt": {"text": "x"}},
        "any": {"system_prompt": {"text": "x"}},
    }
    result = apply(policy(**sections[part]), asking(**{field: "theirs"}), table)
    assert result.request.fields.get(field) != "theirs"
    assert field in result.overridden


def test_routes_own_limit_undoes_nothing() -> None:
    """LiteLLM would take it for a provider's word on chat; here it is a setting."""
    table = route_capabilities("openai", RESPONSES_PATH)
    result = apply(policy(decoding={"temperature": 0.5}), asking(max_output_tokens=7), table)
    assert result.request.fields["max_output_tokens"] == 7


def test_instructions_of_an_earlier_response_do_not_replace_a_policys() -> None:
    """Some models of vLLM ignore new ones then; OpenAI carries none over."""
    asked = asking(previous_response_id="resp_1")
    mine = policy(system_prompt={"text": "x"})
    vllm = apply(mine, asked, route_capabilities("vllm", RESPONSES_PATH))
    assert vllm.overridden == ("previous_response_id",)
    openai = apply(mine, asked, route_capabilities("openai", RESPONSES_PATH))
    assert openai.request.fields["previous_response_id"] == "resp_1"


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_completions_take_chats_settings_and_no_prompt(flavour: Flavour) -> None:
    """There is nowhere to put one."""
    table = route_capabilities(flavour, COMPLETIONS_PATH)
    assert table.settings == capabilities(flavour).settings
    mine = policy(system_prompt={"text": "x"}, decoding={"temperature": 0.5})
    result = apply(mine, ChatRequest("m", (), {"prompt": "hi"}), table)
    assert result.request.fields == {"prompt": "hi", "temperature": 0.5}
    assert result.ignored == ("system_prompt",)


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("path", [EMBEDDINGS_PATH, "/v1/rerank"])
def test_nothing_is_honoured_where_nothing_is_generated(flavour: Flavour, path: str) -> None:
    """Nor where nobody knows what the route does."""
    assert route_capabilities(flavour, path) is UNGUARDABLE


@pytest.mark.parametrize("path", [COMPLETIONS_PATH, RESPONSES_PATH, EMBEDDINGS_PATH])
def test_table_is_the_same_object_each_time(path: str) -> None:
    """Plans are remembered by it."""
    assert route_capabilities("vllm", path) is route_capabilities("vllm", path)
