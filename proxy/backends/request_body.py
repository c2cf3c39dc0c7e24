"""A checked request as bytes again, so that whoever reads them reads what was checked."""

from __future__ import annotations

import msgspec

from proxy.backends.folded_names import refuse_folded
from proxy.backends.routes import CHAT_PATH
from proxy.domain import ChatRequest
from proxy.policy.said_once import says_once

_OF_A_MESSAGE = ("role", "content", "type")
_MODEL = ("model",)


def request_body(request: ChatRequest, path: str, *, model: str) -> bytes:
    """Return the client's own bytes where they say what is to be asked, else encode it anew.

    Args:
        request: with ``raw`` while nothing of it has been changed.
        path: the route; on others than chat a request is sent by its fields alone.
        model: the name that the reader knows the model by.
    """
    raw = request.raw
    if raw is not None and request.model == model and says_once(raw, _MODEL):
        return raw
    messages = {"messages": request.messages} if path == CHAT_PATH else {}
    return msgspec.json.encode({"model": model, **messages, **request.fields})


def refuse_folded_messages(request: ChatRequest) -> None:
    """Pass where no message has a field's name in other letters: Ollama takes ``Role`` for it.

    A policy's rules are about what a message says it is.

    Raises:
        RequestError: 400.
    """
    for message in request.messages:
        refuse_folded(message, _OF_A_MESSAGE)
