"""A judge's model that replies with given bodies, so that a test can set log-probabilities."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from proxy.backends.base import Reply
from proxy.backends.config import ScriptedConfig, ScriptedRule
from proxy.backends.observe import observer
from proxy.backends.render import JSON_HEADERS
from proxy.backends.scripted import ScriptedBackend
from proxy.domain import Capabilities, ChatRequest, Transcript

Answer = tuple[int, Any]
"""HTTP status and JSON body."""

CAPABILITIES = Capabilities(settings={"max_tokens": "max_completion_tokens"})


class CannedModel:
    """Replies with what a function returns or raises; `requests` holds what was asked.

    Attributes:
        states: ``start`` and ``close``, in the order they were called.
    """

    model = "guard"
    capabilities = CAPABILITIES

    def __init__(self, answer: Callable[[ChatRequest], Answer]) -> None:
        self._answer = answer
        self.requests: list[ChatRequest] = []
        self.states: list[str] = []

    async def start(self) -> None:
        """Note it."""
        self.states.append("start")

    async def close(self) -> None:
        """Note it."""
        self.states.append("close")

    @asynccontextmanager
    async def chat(self, request: ChatRequest, transcript: Transcript) -> AsyncIterator[Reply]:
        """One reply, observed as the openai backend observes it."""
        self.requests.append(request)
        status, body = self._answer(request)
        encoded = body if isinstance(body, bytes) else msgspec.json.encode(body)
        if status >= 400:
            transcript.error_type = "provider"
        else:
            watch = observer(transcript, content_type=b"application/json")
            watch.feed(encoded)
            watch.finish()
        yield Reply(status, JSON_HEADERS, _once(encoded))


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


def said(text: str, tokens: Sequence[Mapping[str, float]] = ()) -> Answer:
    """A chat completion; each token is given as its candidates, the sampled one first."""
    content = [
        {
            "token": next(iter(rivals)),
            "logprob": _log(next(iter(rivals.values()))),
            "top_logprobs": [{"token": t, "logprob": _log(p)} for t, p in rivals.items()],
        }
        for rivals in tokens
    ]
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "logprobs": {"content": content} if tokens else None,
        "finish_reason": "stop",
    }
    return 200, {"id": "x", "choices": [choice]}


def refused(param: str | None, *, status: int = 400, code: str | None = None) -> Answer:
    """An error body that names the field at fault, or none."""
    return status, {"error": {"message": "no", "param": param, "code": code}}


def _log(probability: float) -> float:
    return math.log(probability) if probability else -9999.0


def scripted_model(*answers: str, **rule: Any) -> ScriptedBackend:
    """The scripted backend with one rule for all requests."""
    rules = (ScriptedRule(answers=answers or ("OK.",), **rule),)
    return ScriptedBackend(ScriptedConfig(name="guard", rules=rules))
