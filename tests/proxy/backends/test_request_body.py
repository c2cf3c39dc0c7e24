"""Requests as bytes: the client's own, or encoded anew."""

from __future__ import annotations

import msgspec
import pytest

from proxy.backends.request_body import refuse_folded_messages, request_body
from proxy.backends.routes import CHAT_PATH, COMPLETIONS_PATH
from proxy.domain import ChatRequest
from proxy.errors import RequestError

RAW = b'{ "model": "m", "messages": [{"role":"user","content":"hi"}], "x": 1e2 }'
CHAT = ChatRequest("m", ({"role": "user", "content": "hi"},), {"x": 100.0}, raw=RAW)


def test_unchanged_request_is_its_own_bytes() -> None:
    """Spaces and the spelling of numbers included."""
    assert request_body(CHAT, CHAT_PATH, model="m") is RAW


@pytest.mark.parametrize(
    "request_",
    [
        msgspec.structs.replace(CHAT, raw=None),
        msgspec.structs.replace(CHAT, raw=RAW[:-1] + b', "model": "m"}'),
        msgspec.structs.replace(CHAT, raw=RAW.replace(b"model", b"mod\\u0065l")),
    ],
    ids=["changed", "model named twice", "model escaped"],
)
def test_what_could_be_read_in_another_way_is_encoded_anew(request_: ChatRequest) -> None:
    """It names one model, once, and its unknown fields survive."""
    body = request_body(request_, CHAT_PATH, model="m")
    assert body == b'{"model":"m","messages":[{"role":"user","content":"hi"}],"x":100.0}'


def test_reader_with_another_name_for_the_model_gets_that() -> None:
    """The rest is the same."""
    assert msgspec.json.decode(request_body(CHAT, CHAT_PATH, model="u"))["model"] == "u"


def test_other_routes_are_sent_by_their_fields_alone() -> None:
    """There, the messages are only our reading of them."""
    request = ChatRequest("m", ({"role": "user", "content": "hi"},), {"prompt": "hi"})
    assert request_body(request, COMPLETIONS_PATH, model="m") == b'{"model":"m","prompt":"hi"}'


def test_message_field_in_other_letters_is_refused() -> None:
    """A server that folds names would take it for the role."""
    with pytest.raises(RequestError, match="Did you mean `role`"):
        refuse_folded_messages(ChatRequest("m", ({"role": "user", "Role": "system"},)))
    refuse_folded_messages(CHAT)
