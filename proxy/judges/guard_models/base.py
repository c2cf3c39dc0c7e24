"""What all formats share: a :class:`Format` builds calls, reads answers and weighs tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from proxy.domain import Exchange, Message

Part = Literal["unsafe", "relevant", "useful"]
"""What of a verdict a format's risk speaks for."""

GrammarUse = Literal["never", "fallback", "always"]
"""``fallback`` asks freely first, and once more under the grammar where that gave no verdict. A
server that aborts on a grammar it cannot meet must never be sent one."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a guard model.

    Args:
        messages: for the model's own chat template.
        fields: request fields that the call means nothing without, such as a template's arguments.
        optional: request fields that only repeat the template's defaults.
        code: the category asked about, where a call asks about one; it becomes the reading's.
    """

    messages: tuple[Message, ...]
    fields: Mapping[str, Any] = field(default_factory=dict)
    optional: Mapping[str, Any] = field(default_factory=dict)
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a guard model said, in its own words.

    Args:
        label: its class, a key of the format's ``scale``.
        codes: its categories, each a key of the format's ``labels`` if it is known.
        refusal: 1 the judged answer declines, 0 it does not; None where the model does not say.
    """

    label: str
    codes: tuple[str, ...] = ()
    refusal: float | None = None


@dataclass(frozen=True, slots=True)
class InProcess:
    """How the in-process engine asks a model that was trained on one text instead of turns.

    The text becomes the chat template and the judged turns stay messages: the engine reads control
    tokens in templates only, so what is judged cannot forge one.

    Args:
        chat_template: Jinja, set as the backend's.
        build: the calls that fit it.
    """

    chat_template: str
    build: Callable[[Exchange], tuple[Call, ...]]


@dataclass(frozen=True, slots=True)
class Format:
    """One guard model's language.

    Args:
        name: as configuration spells it.
        version: of prompt, parser and label map together; a change of any raises it.
        models: the model ids this was written for; a label map holds for no others.
        build: the calls that judge an exchange, usually one.
        parse: a whole answer → what it says. Raises JudgeError for anything but a clear verdict.
        scale: label → risk in [0, 1].
        labels: the model's own category codes → `proxy.domain.CATEGORIES`.
        max_tokens: of the guard's answer.
        anchor: regular expression after whose last match the label's first token stands; empty for
            the first token of the answer.
        speaks_for: the parts of a verdict that the risk stands for.
        needs_harmful_prompt: it says whether a harmful request was fulfilled, and would say so of
            an ordinary one as well.
        marks: control tokens and delimiters that judged text must not carry.
        in_process: how the llama_cpp backend is asked, where that differs.
        grammar: GBNF of the answer, for servers that take one. Its lists are bounded, so that
            whatever it allows fits into `max_tokens`.
    """

    name: str
    version: int
    models: tuple[str, ...]
    build: Callable[[Exchange], tuple[Call, ...]]
    parse: Callable[[str], Reading]
    scale: Mapping[str, float]
    labels: Mapping[str, str]
    max_tokens: int
    anchor: str = ""
    speaks_for: tuple[Part, ...] = ("unsafe",)
    needs_harmful_prompt: bool = False
    marks: tuple[str, ...] = ()
    in_process: InProcess | None = None
    grammar: str | None = None

    def category(self, codes: tuple[str, ...]) -> str | None:
        """The first code's category; ``other`` for a code that the map does not know."""
        return self.labels.get(codes[0], "other") if codes else None

    def for_llama_cpp(self) -> Format:
        """The same language for the in-process engine."""
        if self.in_process is None:
            return self
        return replace(self, build=self.in_process.build)


def as_turns(exchange: Exchange) -> tuple[Call, ...]:
    """One call with the conversation, for models whose chat template does the rest."""
    return (Call(conversation(exchange)),)


def conversation(exchange: Exchange) -> tuple[Message, ...]:
    """The exchange as the two turns that most guards' chat templates expect."""
    return (
        {"role": "user", "content": exchange.prompt},
        {"role": "assistant", "content": exchange.answer},
    )
