"""A loopback server with all of OpenAI's routes that the proxy knows, and one that it does not."""

from __future__ import annotations

import json
from typing import Any

from tests.loopback import Connection, Received

TEXT = ("Good ", "day.")

COMPLETION = {
    "id": "cmpl-1",
    "object": "text_completion",
    "created": 1,
    "model": "upstream",
    "choices": [{"index": 0, "text": "Good day.", "logprobs": None, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    "x-unknown": [1e2],
}
_MESSAGE: dict[str, Any] = {
    "type": "message",
    "id": "msg_1",
    "status": "completed",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "Good day.", "annotations": []}],
}
RESPONSE: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "upstream",
    "status": "completed",
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "temperature": 1.0,
    "top_p": 1.0,
    "tool_choice": "auto",
    "tools": [],
    "output": [{"type": "reasoning", "id": "rs_1", "summary": []}, _MESSAGE],
    "usage": {
        "input_tokens": 3,
        "input_tokens_details": {"cached_tokens": 1},
        "output_tokens": 2,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 5,
    },
}
EMBEDDINGS = {
    "object": "list",
    "model": "upstream",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.25, -1.5]}],
    "usage": {"prompt_tokens": 3, "total_tokens": 3},
}
RERANKED = b'{"results": [{"index": 1, "score": 0.5}]}'


async def answer(request: Received, connection: Connection) -> None:
    """Answer as an OpenAI-compatible server does."""
    is_stream = bool(request.json.get("stream"))
    match request.path.removeprefix("/v1"), is_stream:
        case "/completions", False:
            await connection.respond(encoded(COMPLETION))
        case "/completions", True:
            options = request.json.get("stream_options") or {}
            has_usage = options.get("include_usage", False)
            await stream(connection, completion_chunks(has_usage=has_usage))
        case "/responses", False:
            await connection.respond(encoded(RESPONSE))
        case "/responses", True:
            await stream(connection, response_events())
        case "/embeddings", _:
            await connection.respond(encoded(EMBEDDINGS))
        case "/rerank", _:
            await connection.respond(RERANKED)
        case _:
            await connection.respond(b'{"error":{"message":"no such route"}}', status=404)


async def stream(connection: Connection, frames: list[bytes], *, is_broken: bool = False) -> None:
    """Send frames; a broken stream ends before its last one, with the connection."""
    await connection.start_stream()
    for frame in frames[:-1] if is_broken else frames:
        await connection.chunk(frame)
    if is_broken:
        connection.abort()
    else:
        await connection.chunk(b"")


def completion_chunks(*, has_usage: bool = False) -> list[bytes]:
    """A text completion in pieces; token counts come where they are asked for."""
    head = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "upstream"}
    texts = [(text, None) for text in TEXT] + [("", "stop")]
    choices = [{"index": 0, "text": text, "finish_reason": reason} for text, reason in texts]
    chunks: list[dict[str, Any]] = [{**head, "choices": [choice]} for choice in choices]
    if has_usage:
        chunks.append({**head, "choices": [], "usage": COMPLETION["usage"]})
    frames = [b"data: " + encoded(chunk) + b"\n\n" for chunk in chunks]
    return [*frames, b"data: [DONE]\n\n"]


def response_events() -> list[bytes]:
    """A response in events, as OpenAI names them; there is no ``[DONE]``."""
    begun = {**RESPONSE, "status": "in_progress", "output": [], "usage": None}
    reasoning, message = ({"output_index": at, "item": RESPONSE["output"][at]} for at in (0, 1))
    started = {**message, "item": {**_MESSAGE, "status": "in_progress", "content": []}}
    place = {"item_id": "msg_1", "output_index": 1, "content_index": 0}
    part = {**_MESSAGE["content"][0], "text": ""}
    text = {**place, "logprobs": []}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", **reasoning},
        {"type": "response.output_item.done", **reasoning},
        {"type": "response.output_item.added", **started},
        {"type": "response.content_part.added", "part": part, **place},
        *({"type": "response.output_text.delta", "delta": piece, **text} for piece in TEXT),
        {"type": "response.output_text.done", "text": "Good day.", **text},
        {"type": "response.content_part.done", "part": _MESSAGE["content"][0], **place},
        {"type": "response.output_item.done", **message},
        {"type": "response.completed", "response": RESPONSE},
    ]
    return [
        b"event: %b\ndata: %b\n\n"
        % (event["type"].encode(), encoded({**event, "sequence_number": n}))
        for n, event in enumerate(events)
    ]


def encoded(value: Any) -> bytes:
    """As JSON with spaces, which a proxy that encodes again would lose."""
    return json.dumps(value).encode()
