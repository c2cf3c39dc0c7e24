"""What a model's chat template decides: its prompts, how it calls tools, and whether it thinks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from proxy.backends.local_answers import Reading
from proxy.backends.local_fields import Options
from proxy.backends.local_format import refused
from proxy.backends.local_messages import plain_messages
from proxy.backends.local_tools import template_dialect, with_preamble, without_tool_turns
from proxy.backends.tool_calls import HERMES
from proxy.domain import Message
from proxy.engine.base import Runtime
from proxy.engine.chat_template import ChatTemplate, TemplateError
from proxy.engine.gbnf import GrammarError, check_gbnf
from proxy.engine.prompt import Prompt, PromptEncoder
from proxy.engine.trigger import Grammar
from proxy.errors import RequestError

_INLINE_CHARS = 16_384
"""Shorter conversations are tokenised on the event loop, in under 2 ms; longer ones on a thread.

So are those with more than roles and texts in them, since nobody knows how much that is without
walking through it.
"""

_ROLE_AND_CONTENT = 2


class LocalTemplate:
    """A started model's chat template.

    Args:
        source: the Jinja text.
        encoder: makes prompts with it.
    """

    def __init__(self, source: str, encoder: PromptEncoder) -> None:
        self._encoder = encoder
        self._own_dialect = template_dialect(source)
        self._dialect = self._own_dialect or HERMES
        # Elsewhere a tag is text: a user could otherwise have the whole answer hidden from judges.
        self._thinks = "</think>" in source

    @classmethod
    def of(cls, runtime: Runtime, configured: str | None) -> LocalTemplate:
        """The configured template, or the model's own.

        Raises:
            TemplateError: there is none, or it is not valid Jinja.
        """
        source = configured or runtime.chat_template
        if source is None:
            raise TemplateError(
                "this model has no chat template; is it a base model? Set chat_template to a Jinja "
                "template for it."
            )
        vocabulary = runtime.vocabulary
        template = ChatTemplate(source, bos=vocabulary.bos_text, eos=vocabulary.eos_text)
        return cls(source, PromptEncoder(template, vocabulary))

    async def encode(self, messages: Sequence[Message], options: Options) -> Prompt:
        """The prompt's tokens.

        Raises:
            RequestError: the messages are malformed, or the template rejects them.
        """
        plain = plain_messages(messages)
        try:
            if _is_short(plain, options):
                prompt = self._encode(plain, options)
            else:
                prompt = await asyncio.to_thread(self._encode, plain, options)
        except RecursionError as error:
            raise RequestError("The request is nested too deeply.", param="messages") from error
        except TemplateError as error:
            raise RequestError(
                f"The model's chat template rejects these messages: {error}", param="messages"
            ) from error
        if not prompt.tokens:
            raise RequestError("The chat template renders nothing of this.", param="messages")
        return prompt

    def _encode(self, plain: Sequence[Mapping[str, Any]], options: Options) -> Prompt:
        tools = None if options.tools is None else options.tools.definitions
        if self._own_dialect is None:
            plain = without_tool_turns(plain)
            if options.tools is not None:
                plain, tools = with_preamble(plain, options.tools), None
        return self._encoder.encode(plain, tools=tools, variables=options.template_variables)

    def grammar(self, options: Options, prompt: Prompt) -> Grammar | None:
        """What the answer has to look like, if anything; with tools it may take its time.

        Raises:
            RequestError: the parameters of a tool cannot be followed.
        """
        if options.format is not None:
            return Grammar(options.format.grammar, is_thinking=prompt.is_thinking)
        if options.tools is None:
            return None
        try:
            grammar = self._dialect.grammar(options.tools, is_thinking=prompt.is_thinking)
            check_gbnf(grammar.text)
        except GrammarError as error:
            raise refused(error, "tools") from error
        return grammar

    def reading(self, options: Options, prompt: Prompt) -> Reading:
        """How the answers are to be read."""
        tools = options.tools
        return Reading(
            thinks=self._thinks,
            is_thinking=prompt.is_thinking,
            dialect=None if tools is None else self._dialect,
            functions=() if tools is None else tuple(one.name for one in tools.functions),
            has_logprobs=options.n_top_logprobs is not None,
        )


def _is_short(plain: Sequence[Mapping[str, Any]], options: Options) -> bool:
    return (
        options.tools is None
        and all(isinstance(value, int | float) for value in options.template_variables.values())
        and all(len(message) == _ROLE_AND_CONTENT for message in plain)
        and sum(len(message["content"]) for message in plain) <= _INLINE_CHARS
    )
