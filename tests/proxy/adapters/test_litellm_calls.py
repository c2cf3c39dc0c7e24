"""LiteLLM's calls, sorted."""

from __future__ import annotations

from proxy.adapters.litellm_calls import GUARDED, HARMLESS
from proxy.backends.litellm_sdk import _imported

_NOT_IN_THE_ENUM = {
    "ocr", "aocr", "aget_responses", "adelete_responses", "acancel_responses", "alist_input_items",
    "alist_batches", "list_mcp_tools",
}  # fmt: skip
"""Names that its proxy uses beside those of its own list."""


def test_a_call_is_guarded_or_harmless() -> None:
    """Never both; what is neither is refused."""
    assert not HARMLESS & GUARDED.keys()


def test_calls_are_named_as_litellm_names_them() -> None:
    """A name that it has given up would stand here for nothing."""
    _imported()
    from litellm.types.utils import CallTypes

    names = {call.value for call in CallTypes}
    assert (GUARDED.keys() | HARMLESS) - names <= _NOT_IN_THE_ENUM


def test_what_generates_text_in_other_words_is_not_harmless() -> None:
    """The ways around that LiteLLM offers itself."""
    ways = {
        "anthropic_messages", "pass_through_endpoint", "allm_passthrough_route", "_arealtime",
        "_aresponses_websocket", "agenerate_content", "agenerate_content_stream", "acreate_batch",
        "acompact_responses", "arun_thread", "asend_message",
    }  # fmt: skip
    assert not ways & (HARMLESS | GUARDED.keys())
