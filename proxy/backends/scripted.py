"""A model that answers from a script: for tests, demonstrations and fault injection.

Deterministic: the same request gets the same bytes, on any machine.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

import msgspec

from proxy.backends.base import Reply
from proxy.backends.config import ScriptedConfig, ScriptedRule
from proxy.backends.flavours import LLAMA_CPP_NAMES
from proxy.backends.render import (
    JSON_HEADERS,
    SSE_HEADERS,
    Answer,
    Choice,
    ChunkTemplate,
    completion,
)
from proxy.domain import Capabilities, ChatRequest, Message, Transcript, Usage
from proxy.errors import BackendError

Responder = Callable[[ChatRequest], ScriptedRule]
"""Decides what is answered, where rules are not enough."""

BeforeDelta = Callable[[int], Awaitable[None]]
"""Awaited before delta 0, 1, …: a test holds a stream here with an event."""

MAX_RECORDED = 10_000

# A fake honours whatever it is told: what a policy sets is then seen in the recorded requests.
CAPABILITIES = Capabilities(
    settings={name: name for name in LLAMA_CPP_NAMES},
    aliases={"max_completion_tokens": "max_tokens"},
)


class ScriptedBackend:
    """Answers from rules or a function.

    Args:
        config: the name and the rules.
        responder: used instead of the rules.
        before_delta: a hook for tests.

    Attributes:
        requests: what was asked, oldest first; the last 10,000.
        in_flight: answers that are running now; 0 when every context has been left.
    """

    def __init__(
        self,
        config: ScriptedConfig,
        *,
        responder: Responder | None = None,
        before_delta: BeforeDelta | None = None,
    ) -> None:
        self._config = config
        self._respond = responder or _Rules(config.rules)
        self._before_delta = before_delta
        self.requests: deque[ChatRequest] = deque(maxlen=MAX_RECORDED)
        self.in_flight = 0

    @property
    def model(self) -> str:
        """The served name."""
        return self._config.name

    @property
    def capabilities(self) -> Capabilities:
        """Every setting, under llama.cpp's names."""
        return CAPABILITIES

    async def start(self) -> None:
        """Do nothing: a script is always ready."""

    async def close(self) -> None:
        """Do nothing: there is nothing to release."""

    @asynccontextmanager
    async def chat(self, request: ChatRequest, transcript: Transcript) -> AsyncIterator[Reply]:
        """Answer one request as the script says, faults included."""
        self.requests.append(request)
        self.in_flight += 1
        try:
            rule = self._respond(request)
            if rule.hang:
                await asyncio.Event().wait()
            if rule.status is not None:
                transcript.error_type = "provider"
                async with aclosing(_once(_error_body(rule.status))) as chunks:
                    yield Reply(rule.status, JSON_HEADERS, chunks)
                return
            headers = SSE_HEADERS if request.is_stream else JSON_HEADERS
            async with aclosing(self._chunks(request, rule, transcript)) as chunks:
                yield Reply(200, headers, chunks)
        finally:
            self.in_flight -= 1

    async def _chunks(
        self, request: ChatRequest, rule: ScriptedRule, transcript: Transcript
    ) -> AsyncGenerator[bytes]:
        tokens, finish_reason = _script(request, rule, model=self.model)
        usage = Usage(prompt_tokens=_count(request), completion_tokens=len(tokens))
        answer = Answer(_answer_id(request), self.model, created=0)
        transcript.model = self.model
        template = ChunkTemplate(answer, include_usage=_wants_usage(request))
        if request.is_stream:
            yield template.role()
        for index, token in enumerate(tokens):
            await self._before(index, rule, transcript)
            transcript.add_text(token)
            if request.is_stream:
                yield template.delta(token)
        if rule.break_after is not None:
            await self._before(rule.break_after, rule, transcript)
        transcript.finish_reason = finish_reason
        transcript.usage = usage
        if request.is_stream:
            yield template.finish(finish_reason)
            yield template.end(usage)
        else:
            yield completion(answer, [Choice("".join(tokens), finish_reason)], usage)

    async def _before(self, index: int, rule: ScriptedRule, transcript: Transcript) -> None:
        """Let the test's hook hold the answer here, or break it off."""
        if index == rule.break_after:
            transcript.error_type = "closed"
            raise BackendError(
                f"Model {self.model}: the script breaks off here.",
                model=self.model,
                error_type="closed",
            )
        if self._before_delta is not None:
            await self._before_delta(index)


class _Rules:
    """The first rule whose patterns are found answers; without one, a plain ``OK.``."""

    def __init__(self, rules: tuple[ScriptedRule, ...]) -> None:
        self._rules = [
            (re.compile(rule.user or ""), re.compile(rule.system or ""), rule) for rule in rules
        ]

    def __call__(self, request: ChatRequest) -> ScriptedRule:
        user, system = last_user_text(request), _texts(request, "system")
        for user_pattern, system_pattern, rule in self._rules:
            if user_pattern.search(user) and system_pattern.search("\n".join(system)):
                return rule
        return ScriptedRule()


def last_user_text(request: ChatRequest) -> str:
    """The text of the last user message; empty if there is none."""
    return (_texts(request, "user") or [""])[-1]


def _texts(request: ChatRequest, role: str) -> list[str]:
    return [_text(message) for message in request.messages if message.get("role") == role]


def _text(message: Message) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text", "")) for part in content or () if isinstance(part, dict))


def _script(request: ChatRequest, rule: ScriptedRule, *, model: str) -> tuple[list[str], str]:
    """The answer's tokens (words with the space behind them) and why it ends."""
    user = last_user_text(request)
    seed = request.fields.get("seed") or 0
    digest = hashlib.blake2b(f"{seed}\0{user}".encode(errors="replace"), digest_size=8).digest()
    template = rule.answers[int.from_bytes(digest, "big") % len(rule.answers)]
    text = template.replace("{model}", model).replace("{user}", user)
    tokens = re.findall(r"\s*\S+\s*", text) or [text]
    limit = request.fields.get("max_tokens") or request.fields.get("max_completion_tokens")
    if limit is not None and len(tokens) > limit:
        return tokens[:limit], "length"
    return tokens, rule.finish_reason


def _count(request: ChatRequest) -> int:
    return sum(len(_text(message).split()) for message in request.messages)


def _wants_usage(request: ChatRequest) -> bool:
    return bool((request.fields.get("stream_options") or {}).get("include_usage"))


def _answer_id(request: ChatRequest) -> str:
    canonical = msgspec.json.encode([request.messages, request.fields], order="deterministic")
    return f"chatcmpl-{hashlib.blake2b(canonical, digest_size=12).hexdigest()}"


def _error_body(status: int) -> bytes:
    message = f"The script answers with status {status}."
    error = {"message": message, "type": "server_error", "param": None, "code": None}
    return msgspec.json.encode({"error": error})


async def _once(body: bytes) -> AsyncGenerator[bytes]:
    yield body
