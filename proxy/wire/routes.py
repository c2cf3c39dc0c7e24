"""The routes that models answer on: how each is decoded, and what a policy can do there."""

from __future__ import annotations

from typing import Literal, Protocol, Unpack

import msgspec

from proxy.backends.routes import CHAT_PATH, COMPLETIONS_PATH, EMBEDDINGS_PATH, RESPONSES_PATH
from proxy.domain import ChatRequest
from proxy.wire.decode import ChatBody, decode_chat
from proxy.wire.decode_routes import (
    CompletionBody,
    NamedBody,
    Origin,
    ResponseBody,
    decode_completion,
    decode_named,
    decode_response,
)


class Decode(Protocol):
    """Makes a request of a body. Raises RequestError (400)."""

    def __call__(self, body: bytes, **origin: Unpack[Origin]) -> ChatRequest:
        """Decode one."""


class Route(msgspec.Struct, frozen=True):
    """One route.

    Args:
        path: as clients ask for it.
        decode: reads its bodies.
        body: the fields of theirs that are checked.
        takes_policies: whether a policy can do anything there.
        answers: a text, for judges; something unknown, counted as unjudged; or nothing that anybody
            could judge.
    """

    path: str
    decode: Decode
    body: type[msgspec.Struct]
    takes_policies: bool = True
    answers: Literal["text", "unknown", "none"] = "text"


CHAT = Route(CHAT_PATH, decode_chat, ChatBody)
COMPLETIONS = Route(COMPLETIONS_PATH, decode_completion, CompletionBody)
RESPONSES = Route(RESPONSES_PATH, decode_response, ResponseBody)
EMBEDDINGS = Route(EMBEDDINGS_PATH, decode_named, NamedBody, takes_policies=False, answers="none")

KNOWN = (CHAT, COMPLETIONS, RESPONSES, EMBEDDINGS)


def passthrough(path: str) -> Route:
    """A route that an operator has let through: nobody knows what its answers are."""
    return Route(path, decode_named, NamedBody, takes_policies=False, answers="unknown")
