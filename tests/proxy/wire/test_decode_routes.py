"""Bodies of other routes than chat."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.domain import ChatRequest
from proxy.errors import RequestError
from proxy.wire.decode_routes import Origin, decode_completion, decode_named, decode_response
from proxy.wire.routes import Decode
from tests.openai_upstream import encoded

DECODERS: tuple[Decode, ...] = (decode_completion, decode_response, decode_named)
HI = {"role": "user", "content": "hi"}
SILENT = {"role": "user", "content": ""}


def completion(prompt: Any) -> ChatRequest:
    """A text completion of this prompt."""
    return decode_completion(encoded({"model": "m", "prompt": prompt}))


@pytest.mark.parametrize("decode", DECODERS)
def test_fields_and_bytes_are_kept(decode: Decode) -> None:
    """All but the model's name, which may be another one upstream."""
    body = b'{"model": "m", "prompt": "p", "input": "i", "stream": true, "unknown": [1e2]}'
    origin: Origin = {"request_id": "r", "key_id": "k", "conversation": "c"}
    request = decode(body, **origin)
    assert (request.model, request.raw) == ("m", body)
    assert request.fields == {"prompt": "p", "input": "i", "stream": True, "unknown": [100.0]}
    assert (request.request_id, request.key_id, request.conversation) == ("r", "k", "c")
    assert request.is_stream


@pytest.mark.parametrize("decode", DECODERS)
@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"model": 5}', b"{}", b"[" * 100_000])
def test_mistake_is_a_400(decode: Decode, body: bytes) -> None:
    """As in chat."""
    with pytest.raises(RequestError) as caught:
        decode(body)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("prompt", "asked", "n_prompts"),
    [
        ("hi", (HI,), 1),
        (["hi", "there"], (HI,), 2),
        ([1, 2, 3], (), 1),
        ([[1, 2], [3]], (), 2),
        ([], (SILENT,), 1),
        (None, (SILENT,), 1),
    ],
)
def test_first_prompt_is_what_the_user_said(prompt: Any, asked: Any, n_prompts: int) -> None:
    """Tokens cannot be read, and several prompts are counted."""
    request = completion(prompt)
    assert (request.messages, request.n_prompts) == (asked, n_prompts)


def test_response_is_read_as_a_conversation() -> None:
    """Its instructions are the system's."""
    request = decode_response(b'{"model": "m", "instructions": "Short.", "input": "hi"}')
    assert request.messages == ({"role": "system", "content": "Short."}, HI)


@pytest.mark.parametrize("given", ["5", '["hi"]', '{"role": "user"}'])
def test_input_that_is_neither_text_nor_items_is_refused(given: str) -> None:
    """The field is named, the user's words are not."""
    with pytest.raises(RequestError) as caught:
        decode_response(f'{{"model": "m", "input": {given}}}'.encode())
    assert (caught.value.param or "").startswith("input")
    assert "hi" not in caught.value.message
