"""LiteLLM's calls: on which of them a policy can do something, and which generate no text."""

from __future__ import annotations

from collections.abc import Mapping

from proxy.wire.routes import CHAT, COMPLETIONS, RESPONSES, Route

GUARDED: Mapping[str, Route] = {
    "completion": CHAT,
    "acompletion": CHAT,
    "text_completion": COMPLETIONS,
    "atext_completion": COMPLETIONS,
    "responses": RESPONSES,
    "aresponses": RESPONSES,
}
"""LiteLLM's name of a call → the route of ours whose bodies it takes."""

# litellm/types/utils.py, CallTypes. Whatever is new there generates text until it stands here.
HARMLESS = frozenset({
    "embedding", "aembedding", "rerank", "arerank", "search", "asearch",
    "moderation", "amoderation", "transcription", "atranscription", "speech", "aspeech",
    "image_generation", "aimage_generation", "image_edit", "aimage_edit", "ocr", "aocr",
    "aget_responses", "adelete_responses", "acancel_responses", "alist_input_items",
    "acreate_file", "afile_content", "afile_delete", "afile_list", "afile_retrieve",
    "aretrieve_batch", "alist_batches", "acancel_batch",
    "call_mcp_tool", "list_mcp_tools",
})  # fmt: skip
"""Calls that generate no text, or only hand out what was generated before."""
