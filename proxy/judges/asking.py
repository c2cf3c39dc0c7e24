"""Put a judge's question to a model behind any backend, in bounded time.

What servers understand differs, and none says so beforehand: each extra (log-probabilities, a
grammar, a JSON schema) is offered until the model refuses it, and not again.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from proxy.backends.base import Backend
from proxy.domain import ChatRequest, Message, Priority, Transcript
from proxy.errors import BackendError, JudgeError, OverloadedError, RequestError

JUDGE_MODEL: Final = "judge model"

TOP_LOGPROBS: Final = 20
"""The most that OpenAI's wire allows."""

LOGPROBS: Final[Mapping[str, Any]] = {"logprobs": True, "top_logprobs": TOP_LOGPROBS}

_KEPT_UNLESS_NAMED: Final = "temperature"
_MAX_BODY_BYTES: Final = 4 * 2**20
_FIRST_ERROR_STATUS: Final = 400
_REFUSED: Final = frozenset({400, 422})
_TOO_LONG: Final = "context_length_exceeded"
_TOO_LONG_ELSEWHERE: Final = re.compile(
    r"exceed_context_size|maximum model length|context (?:size|window|length)",
    re.IGNORECASE,
)
"""How llama-server's type and the messages of vLLM, LM Studio and Ollama say the same."""

_BROKEN: Final = {
    "connect": "cannot be reached",
    "closed": "broke off its answer",
    "timeout": "took too long",
    "protocol": "did not answer as a chat model does",
    "provider": "its provider failed",
    "engine": "its engine failed",
}
"""What a backend's ``error_type`` means to whoever reads why an answer is unscored."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is sent to a judge's model.

    Args:
        messages: the conversation; the model's own chat template is applied behind the backend.
        max_tokens: the longest answer that can be a verdict.
        fields: request fields without which the question would be another one.
        extras: name → request fields that help where a server knows them.
    """

    messages: tuple[Message, ...]
    max_tokens: int
    fields: Mapping[str, Any] = field(default_factory=dict)
    extras: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Token:
    """One generated token and its likeliest rivals, itself included, with their probabilities."""

    text: str
    rivals: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Said:
    """What the model answered.

    Args:
        text: reasoning removed.
        tokens: empty where the server returns no log-probabilities.
    """

    text: str
    tokens: tuple[Token, ...] = ()


class TooLongError(JudgeError):
    """The question does not fit the model's context; a shorter one may."""

    def __init__(self, called: str) -> None:
        super().__init__(f"{called}: {_TOO_LONG}")


class Asker:
    """Asks one model.

    Args:
        backend: started by its owner.
        timeout_s: for one question, from sending to the last byte.
        concurrency: questions in flight; more wait here, outside their timeout, so that a burst of
            answers is not unscored for our own queue.
        called: what errors call the model.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        timeout_s: float = 60.0,
        concurrency: int = 4,
        called: str = JUDGE_MODEL,
    ) -> None:
        self._backend = backend
        self._timeout_s = timeout_s
        self._called = called
        self._slots = asyncio.Semaphore(concurrency)
        self._refused: set[str] = set()

    @property
    def refused(self) -> frozenset[str]:
        """The extras that this model's server has refused so far."""
        return frozenset(self._refused)

    async def ask(self, question: Question) -> Said:
        """The model's answer at temperature 0.

        Raises:
            TooLongError: the model's server says that the question does not fit.
            JudgeError: no answer, and why: a timeout, a full queue, a refused request, a broken
                connection. Cancelling frees the backend's slot.
        """
        async with self._slots:
            try:
                async with asyncio.timeout(self._timeout_s):
                    return await self._offer(question)
            except TimeoutError:
                raise JudgeError(f"{self._called}: no answer in {self._timeout_s:g} s") from None

    async def _offer(self, question: Question) -> Said:
        """Ask with the extras; where they are refused, ask again without."""
        offered = {"temperature": {"temperature": 0}, **question.extras}
        dropped = set(self._refused)
        while True:
            extras = {name: offered[name] for name in offered if name not in dropped}
            said = await self._once(question, extras)
            if isinstance(said, Said):
                # Remembered only now that the question is known to pass without them.
                self._refused |= dropped
                return said
            to_drop = _to_drop(extras, said.param)
            if not to_drop:
                raise JudgeError(f"{self._called}: {said.reason}")
            dropped |= to_drop

    async def _once(
        self, question: Question, extras: Mapping[str, Mapping[str, Any]]
    ) -> Said | _Refusal:
        transcript = Transcript()
        request = self._request(question, extras)
        try:
            async with self._backend.chat(request, transcript) as reply:
                body = await _read(reply.chunks)
                if reply.status in _REFUSED:
                    return _refusal(reply.status, body, self._called)
                if reply.status >= _FIRST_ERROR_STATUS:
                    raise JudgeError(f"{self._called}: status {reply.status}")
        except RequestError as error:
            if error.code == _TOO_LONG:
                raise TooLongError(self._called) from error
            if error.status not in _REFUSED:
                raise JudgeError(f"{self._called}: {error.code or error.error_type}") from error
            return _Refusal(error.code or error.error_type, error.param)
        except OverloadedError as error:
            raise JudgeError(f"{self._called}: {error.reason}") from error
        except BackendError as error:
            raise JudgeError(self._broken(error.error_type)) from error
        if transcript.error_type is not None:
            raise JudgeError(self._broken(transcript.error_type))
        return Said(transcript.text, _tokens(body))

    def _request(self, question: Question, extras: Mapping[str, Mapping[str, Any]]) -> ChatRequest:
        limit = self._backend.capabilities.settings.get("max_tokens", "max_tokens")
        fields = {limit: question.max_tokens, **question.fields}
        for extra in extras.values():
            fields |= extra
        return ChatRequest(
            model=self._backend.model,
            messages=question.messages,
            fields=fields,
            priority=Priority.BACKGROUND,
        )

    def _broken(self, error_type: str) -> str:
        return f"{self._called}: {_BROKEN.get(error_type, error_type)}"


@dataclass(frozen=True, slots=True)
class _Refusal:
    reason: str
    param: str | None


def _to_drop(extras: Mapping[str, Mapping[str, Any]], param: str | None) -> set[str]:
    """The extra at fault; where none is named, all but the temperature."""
    named = {name for name, fields in extras.items() if param is not None and param in fields}
    return named or {name for name in extras if name != _KEPT_UNLESS_NAMED}


async def _read(chunks: Any) -> bytes:
    """The body; past 4 MiB it is drained and not kept."""
    body = bytearray()
    async for chunk in chunks:
        if len(body) <= _MAX_BODY_BYTES:
            body += chunk
    return bytes(body)


class _Rival(msgspec.Struct):
    token: str = ""
    logprob: float = -math.inf


class _Item(msgspec.Struct):
    token: str = ""
    logprob: float = -math.inf
    top_logprobs: list[_Rival] | None = None


class _Logprobs(msgspec.Struct):
    content: list[_Item] | None = None


class _Choice(msgspec.Struct):
    logprobs: _Logprobs | None = None


class _Body(msgspec.Struct):
    choices: list[_Choice] = []


def _tokens(body: bytes) -> tuple[Token, ...]:
    """The first choice's tokens; none where the body has no log-probabilities or no JSON."""
    try:
        choices = msgspec.json.decode(body, type=_Body).choices
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ()
    logprobs = choices[0].logprobs if choices else None
    return tuple(_token(item) for item in (logprobs and logprobs.content) or ())


def _token(item: _Item) -> Token:
    pairs: Sequence[_Rival | _Item] = [item, *(item.top_logprobs or ())]
    return Token(item.token, {pair.token: _probability(pair.logprob) for pair in pairs})


def _probability(logprob: float) -> float:
    """In [0, 1]; 0 for the -9999 and NaN by which servers mean "never"."""
    return 0.0 if math.isnan(logprob) else math.exp(min(0.0, max(logprob, -700.0)))


class _Complaint(msgspec.Struct):
    param: str | None = None
    code: Any = None
    type: Any = None
    message: Any = None

    @property
    def is_too_long(self) -> bool:
        return self.code == _TOO_LONG or any(
            isinstance(said, str) and _TOO_LONG_ELSEWHERE.search(said)
            for said in (self.type, self.message)
        )


class _RefusedBody(_Complaint):
    """OpenAI's; older servers put the error itself at the top, and LM Studio a plain string."""

    error: _Complaint | str | None = None


def _refusal(status: int, body: bytes, called: str) -> _Refusal:
    """Raises TooLongError where leaving an extra out could not help."""
    try:
        found = msgspec.json.decode(body, type=_RefusedBody)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Refusal(f"status {status}", None)
    said = found.error
    error = found if said is None or isinstance(said, str) else said
    if error.is_too_long or (isinstance(said, str) and _Complaint(message=said).is_too_long):
        raise TooLongError(called)
    return _Refusal(f"status {status}", error.param)
