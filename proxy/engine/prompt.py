"""From messages to tokens, such that nothing a person types can become a turn.

A control token that is typed into a message is fenced before the template sees it and tokenised as
plain text afterwards. Everything else is tokenised in one piece, exactly as the model was trained:
cutting at every message would tokenise honest text differently on some vocabularies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from proxy.engine.base import Vocabulary
from proxy.engine.chat_template import ChatTemplate
from proxy.engine.prefixes import common_length

_OPEN, _CLOSE = "\ufdd0", "\ufdd1"
"""Unicode noncharacters: never in honest text, and removed from what people send."""

_FENCES = str.maketrans({_OPEN: "\ufffd", _CLOSE: "\ufffd"})
_NO_FENCES = str.maketrans({_OPEN: None, _CLOSE: None})
_FENCED = re.compile(f"{_OPEN}([^{_OPEN}{_CLOSE}]*){_CLOSE}")


class Prompt(NamedTuple):
    """A rendered conversation.

    Args:
        tokens: the prompt's token ids.
        n_shared: how many of them come before the last message's own text.
        is_thinking: whether the template has opened ``<think>`` for the answer to begin in.
    """

    tokens: tuple[int, ...]
    n_shared: int
    is_thinking: bool = False


class PromptEncoder:
    """Turns messages into tokens.

    Args:
        template: the model's chat template.
        vocabulary: its tokeniser.
    """

    def __init__(self, template: ChatTemplate, vocabulary: Vocabulary) -> None:
        self._template = template
        self._vocabulary = vocabulary
        self._control = _any_of(vocabulary.control_texts)

    def encode(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        variables: Mapping[str, Any] | None = None,
    ) -> Prompt:
        """The tokens of a conversation.

        Args:
            messages: each with ``role``, a string ``content`` and whatever else templates know.
            tools: the functions on offer, in OpenAI's form.
            variables: more for the template; all of it is JSON.

        Raises:
            TemplateError: the template rejects the messages.
        """
        fenced = self._fence_all(messages)
        given = {"tools": self._fence_all(tools), "variables": self._fence_all(variables or {})}
        text = self._template.render(fenced, **given)
        tokens = self._tokenize(text)
        last = fenced[-1]["content"].strip() if fenced else ""
        before = self._tokenize(text[: text.rfind(last)]) if last and last in text else []
        is_thinking = False
        if text.rstrip().endswith("<think>"):
            # What people typed does not count: only the template opens the model's thoughts.
            closed = self._template.render(fenced, **given, add_generation_prompt=False)
            is_thinking = not closed.startswith(text)
        return Prompt(tuple(tokens), common_length(before, tokens), is_thinking)

    def _fence_all(self, value: Any) -> Any:
        """Fence every text within JSON, keys included."""
        if isinstance(value, str):
            return self._fence(value)
        if isinstance(value, Mapping):
            return {self._fence(key): self._fence_all(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self._fence_all(one) for one in value]
        return value

    def _fence(self, content: str) -> str:
        content = content.translate(_FENCES)
        if self._control is None:
            return content
        parts, end = [], 0
        for start, stop in _stretches(self._control, content):
            parts += [content[end:start], _OPEN, content[start:stop], _CLOSE]
            end = stop
        return "".join([*parts, content[end:]])

    def _tokenize(self, text: str) -> list[int]:
        tokens: list[int] = []
        # Odd parts are what the pattern's group has caught: the fenced texts.
        for index, part in enumerate(_FENCED.split(text)):
            if plain := part.translate(_NO_FENCES):
                tokens += self._vocabulary.tokenize(plain, parse_special=index % 2 == 0)
        bos = self._vocabulary.bos
        return tokens if bos is None or tokens[:1] == [bos] else [bos, *tokens]


def _any_of(texts: Sequence[str]) -> re.Pattern[str] | None:
    """Finds where one of `texts` begins; of several at one place, the longest."""
    longest_first = sorted(texts, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if texts else None


def _stretches(pattern: re.Pattern[str], content: str) -> Iterator[tuple[int, int]]:
    """Stretches of `content` that matches cover, overlapping ones joined."""
    start = stop = 0
    while match := pattern.search(content, start):
        start, stop = match.span()
        # A match that begins inside this one may end later.
        inner = start + 1
        while (match := pattern.search(content, inner)) and match.start() < stop:
            stop, inner = max(stop, match.end()), match.start() + 1
        yield start, stop
        start = stop
