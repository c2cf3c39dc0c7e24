"""What each flavour honours: one test a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

import pytest

from proxy.backends.config import Flavour
from proxy.backends.flavours import LLAMA_CPP_NAMES, OPENAI_NAMES, capabilities
from proxy.domain import ChatRequest
from proxy.policy.apply import apply
from proxy.policy.decoding import SETTINGS
from proxy.policy.schema import Policy

FLAVOURS: tuple[Flavour, ...] = get_args(Flavour)
USER = {"role": "user", "content": "Hello"}

VALUES: dict[str, Any] = {
    "stop": ["END"],
    "logit_bias": {"5": -1.0},
    "dry_sequence_breakers": ["\n"],
    "top_p": 0.5,
}


@dataclass(frozen=True)
class Case:
    """A flavour and one field of its tables."""

    flavour: Flavour
    field: str
    means: str

    def __str__(self) -> str:
        return f"{self.flavour}-{self.field}"


SETTINGS_ROWS = [
    Case(flavour, field, setting)
    for flavour in FLAVOURS
    for setting, field in capabilities(flavour).settings.items()
]
ALIAS_ROWS = [
    Case(flavour, field, setting)
    for flavour in FLAVOURS
    for field, setting in capabilities(flavour).aliases.items()
]
OVERRIDE_ROWS = [
    Case(flavour, field, part)
    for flavour in FLAVOURS
    for field, part in capabilities(flavour).overrides.items()
]


def policy(**sections: Any) -> Policy:
    """A small policy."""
    return Policy.model_validate({"schema": 1, "name": "p", **sections})


def value_of(setting: str) -> Any:
    """Any value that the setting may have."""
    return VALUES.get(setting, 1)


def test_llama_cpp_names_are_the_policys_settings() -> None:
    """What a policy can say, llama.cpp can do."""
    assert set(SETTINGS) == set(LLAMA_CPP_NAMES)


@pytest.mark.parametrize("row", SETTINGS_ROWS, ids=str)
def test_enforced_setting_reaches_its_field(row: Case) -> None:
    """Under the name that this server knows."""
    given = policy(decoding={row.means: value_of(row.means)})
    request = ChatRequest("m", (USER,), {row.field: "whatever the client wants"})
    applied = apply(given, request, capabilities(row.flavour))
    assert applied.request.fields[row.field] == value_of(row.means)
    assert row.means not in applied.ignored


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_other_settings_are_reported_as_ignored(flavour: Flavour) -> None:
    """Never dropped silently."""
    honoured = capabilities(flavour).settings
    for setting in set(SETTINGS) - set(honoured):
        given = policy(decoding={setting: value_of(setting)})
        applied = apply(given, ChatRequest("m", (USER,)), capabilities(flavour))
        assert applied.ignored == (setting,)
        assert not applied.request.fields


@pytest.mark.parametrize(
    ("flavour", "setting", "asked", "sent"),
    [
        ("openai", "stop", list("abcdef"), list("abcd")),
        ("tgi", "stop", list("abcdef"), list("abcd")),
        ("tgi", "top_p", 1.0, 0.999),
        ("tgi", "top_p", 0.0, 0.001),
        ("vllm", "top_p", 0.0, 0.001),
    ],
)
def test_value_outside_the_servers_range_is_moved_into_it_and_reported(
    flavour: Flavour, setting: str, asked: Any, sent: Any
) -> None:
    """The server would answer every request with an error."""
    given = policy(decoding={setting: asked})
    applied = apply(given, ChatRequest("m", (USER,)), capabilities(flavour))
    assert applied.request.fields == {setting: sent}
    assert applied.ignored == (setting,)


@pytest.mark.parametrize("row", ALIAS_ROWS, ids=str)
def test_alias_cannot_undo_an_enforced_setting(row: Case) -> None:
    """It is rewritten to the setting's own field."""
    given = policy(decoding={row.means: 7})
    request = ChatRequest("m", (USER,), {row.field: 4000})
    applied = apply(given, request, capabilities(row.flavour))
    assert applied.request.fields == {capabilities(row.flavour).settings[row.means]: 7}
    assert row.field in applied.overridden


@pytest.mark.parametrize("row", OVERRIDE_ROWS, ids=str)
def test_override_is_removed_when_the_policy_sets_its_part(row: Case) -> None:
    """And left alone where the policy says nothing about that part."""
    mine = policy(decoding={"temperature": 0.2})
    other = policy(system_prompt={"text": "Be careful."})
    if row.means == "prompt":
        mine, other = other, mine
    elif row.means == "any":
        mine, other = policy(system_prompt={"text": "x"}), policy(decoding={"seed": {"default": 1}})
    request = ChatRequest("m", (USER,), {row.field: "x"})
    applied = apply(mine, request, capabilities(row.flavour))
    assert row.field not in applied.request.fields
    assert row.field in applied.overridden
    assert row.field in apply(other, request, capabilities(row.flavour)).request.fields


@pytest.mark.parametrize("field", ["extra_body", "fallbacks", "models", "user_config"])
def test_detour_is_closed_whatever_the_policy_sets(field: str) -> None:
    """Behind a LiteLLM proxy it has messages and settings of its own."""
    detour = {"temperature": 2, "messages": [USER]}
    request = ChatRequest("m", (USER,), {field: detour if field == "extra_body" else [detour]})
    for sets in ({"decoding": {"seed": 1}}, {"system_prompt": {"text": "Be careful."}}):
        applied = apply(policy(**sets), request, capabilities("openai"))
        assert field not in applied.request.fields
        assert applied.overridden == (field,)


def test_mirostat_that_the_policy_sets_itself_stays() -> None:
    """It is an override only when it comes from the client."""
    given = policy(decoding={"mirostat": 2})
    request = ChatRequest("m", (USER,), {"mirostat": 0})
    applied = apply(given, request, capabilities("llama_server"))
    assert applied.request.fields == {"mirostat": 2}


@pytest.mark.parametrize(
    ("flavour", "continues"),
    [("openai", True), ("vllm", False), ("llama_server", True), ("ollama", True), ("tgi", True)],
)
def test_assistant_prefill(flavour: Flavour, *, continues: bool) -> None:
    """VLLM needs ``continue_final_message`` for it, which is an override."""
    assert capabilities(flavour).continues_assistant is continues


def test_unknown_server_gets_everybodys_overrides() -> None:
    """What stands behind a plain OpenAI-compatible URL is unknown."""
    known = capabilities("openai").overrides
    for flavour in FLAVOURS:
        assert set(capabilities(flavour).overrides) <= set(known)


def test_ollama_takes_only_what_its_wire_decodes() -> None:
    """No logit_bias, no top_k."""
    assert set(capabilities("ollama").settings) == set(OPENAI_NAMES) - {"logit_bias"}


def test_tgi_is_not_told_what_it_would_take_for_something_else() -> None:
    """No logit_bias, no presence_penalty."""
    assert set(OPENAI_NAMES) - set(capabilities("tgi").settings) == {
        "logit_bias",
        "presence_penalty",
    }


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_max_completion_tokens_changes_places_with_max_tokens(flavour: Flavour) -> None:
    """For OpenAI's reasoning models, which refuse the old name."""
    capable = capabilities(flavour, max_tokens_field="max_completion_tokens")
    request = ChatRequest("m", (USER,), {"max_tokens": 4000})
    applied = apply(policy(decoding={"max_tokens": 7}), request, capable)
    assert applied.request.fields == {"max_completion_tokens": 7}
