"""A policy's prompt and turns in a request of the Responses API."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.domain import Capabilities
from proxy.policy.apply import PREFILL, Applied, apply
from proxy.policy.input_items import conversation_of
from proxy.policy.schema import Placement
from tests.proxy.policy.policy_examples import make_policy, make_request

ITEMS = Capabilities(
    settings={"temperature": "temperature"}, continues_assistant=True, conversation="input"
)
PARTS = Capabilities(settings={}, conversation="input_parts")
HI = {"role": "user", "content": "hi"}
CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
SHOWN = [{"user": "u", "assistant": "a"}]


def applied(
    fields: dict[str, Any],
    *,
    placement: Placement = "prepend",
    capabilities: Capabilities = ITEMS,
    **parts: Any,
) -> Applied:
    """A request with these fields under a policy with a prompt."""
    policy = make_policy(system_prompt={"text": "Careful.", "placement": placement}, **parts)
    return apply(policy, make_request(**fields), capabilities)


def test_prompt_becomes_the_instructions() -> None:
    """A text for input becomes an item only because it must."""
    fields = applied({"input": "hi", "store": False}).request.fields
    assert fields == {"input": [HI], "store": False, "instructions": "Careful."}


@pytest.mark.parametrize(
    ("placement", "instructions"),
    [
        ("prepend", "Careful.\n\nShort."),
        ("append", "Short.\n\nCareful."),
        ("replace", "Careful."),
        ("if_absent", "Short."),
    ],
)
def test_placement_is_towards_the_clients_instructions(
    placement: Placement, instructions: str
) -> None:
    """As it is towards a system message in chat."""
    fields = {"instructions": "Short.", "input": [HI]}
    changed = applied(fields, placement=placement).request.fields
    assert changed == {"instructions": instructions, "input": [HI]}


def test_unchanged_request_keeps_its_bytes() -> None:
    """The client has instructions, and the policy only fills a gap."""
    result = applied({"instructions": "Short.", "input": "hi"}, placement="if_absent")
    assert result.request.raw is not None
    assert result.guards


def test_system_message_in_the_input_is_joined_there() -> None:
    """Its parts keep the names that they have in this API."""
    system = {"role": "developer", "content": [{"type": "input_text", "text": "Short."}]}
    fields = applied({"input": [system, HI]}).request.fields
    assert "instructions" not in fields
    texts = [(part["type"], part["text"]) for part in fields["input"][0]["content"]]
    assert texts == [("input_text", "Careful.\n\n"), ("input_text", "Short.")]


def test_turns_stand_before_the_clients_items_which_are_kept() -> None:
    """Also those that are no messages."""
    fields = applied({"input": [HI, CALL, HI]}, demonstrations=SHOWN).request.fields
    turns = [{"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}]
    assert fields["input"] == [*turns, HI, CALL, HI]


def test_server_that_knows_assistants_by_their_parts_gets_parts() -> None:
    """llama-server refuses a text there."""
    fields = applied({"input": "hi"}, capabilities=PARTS, demonstrations=SHOWN).request.fields
    part = {"type": "output_text", "text": "a", "annotations": []}
    assert fields["input"][1] == {"type": "message", "role": "assistant", "content": [part]}


def test_prefill_is_dropped() -> None:
    """The client would write the beginning of the answer."""
    result = applied({"input": [HI, {"role": "assistant", "content": "Sure, here"}]})
    assert result.request.fields["input"] == [HI]
    assert result.overridden == (PREFILL,)


@pytest.mark.parametrize("kind", ["reasoning", "function_call", "custom_tool_call"])
def test_prefill_is_dropped_with_the_items_behind_it(kind: str) -> None:
    """A server joins them to the assistant's message, and would continue that."""
    prefill = {"role": "assistant", "content": "Sure, here"}
    result = applied({"input": [HI, prefill, {"type": kind}]})
    assert result.request.fields["input"] == [HI]
    assert result.overridden == (PREFILL,)


def test_what_a_tool_has_answered_keeps_the_call_before_it() -> None:
    """The next word is the model's, but it begins anew."""
    items = [HI, {"type": "function_call"}, {"type": "function_call_output"}]
    assert applied({"input": items}).request.fields["input"][-3:] == items


def test_decoding_settings_apply_beside_it() -> None:
    """Both in one new request."""
    result = applied({"input": "hi", "temperature": 2.0}, decoding={"temperature": 0.5})
    assert result.request.fields["temperature"] == 0.5
    assert result.overridden == ("temperature",)


def test_conversation_reads_instructions_and_items() -> None:
    """For rollouts and judges."""
    assert conversation_of({"input": "hi"}) == (HI,)
    system = {"role": "system", "content": "Short."}
    assert conversation_of({"instructions": "Short.", "input": [HI, CALL]}) == (system, HI, CALL)
    assert conversation_of({"instructions": None}) == ()


@pytest.mark.parametrize("part", ["x", 1, None, [], {"type": []}])
def test_part_that_is_no_text_part_stays_as_it_is(part: Any) -> None:
    """Beside the policy's own."""
    request = applied({"input": [{"role": "system", "content": [part]}, HI]}).request
    ours = {"type": "input_text", "text": "Careful.\n\n"}
    assert request.fields["input"] == [{"role": "system", "content": [ours, part]}, HI]


@pytest.mark.parametrize("odd", [[], {}, 1, None])
def test_item_whose_role_is_no_word_is_nobodys(odd: Any) -> None:
    """It is no system message, and no prefill."""
    item = {"role": odd, "type": odd, "content": "x"}
    fields = applied({"input": [item]}).request.fields
    assert fields == {"input": [item], "instructions": "Careful."}
