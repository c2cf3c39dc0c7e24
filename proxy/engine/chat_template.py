"""From messages to the text a model was trained on: its own Jinja template, in a sandbox."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn

import jinja2
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

_MAX_MESSAGE = 200

_FOREIGN = (
    jinja2.TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError,
)  # fmt: skip
"""What a template's own mistakes can raise."""

PLAIN_TEMPLATE = (
    "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)
"""For base models without a template of their own: set it as ``chat_template`` to use one."""


class TemplateError(Exception):
    """The template does not compile, or rejects these messages; the text is the template's own."""


class ChatTemplate:
    """A compiled chat template.

    Its text is `source`.

    Args:
        source: Jinja source, as in a GGUF's ``tokenizer.chat_template``.
        bos: text of the beginning-of-text token.
        eos: text of the end-of-text token.
        now: for templates that write the date.

    Raises:
        TemplateError: the source is not valid Jinja.
    """

    def __init__(
        self,
        source: str,
        *,
        bos: str = "",
        eos: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.source = source
        self._variables = {"bos_token": bos, "eos_token": eos}
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
        )
        environment.filters["tojson"] = _to_json
        environment.globals["raise_exception"] = _raise
        environment.globals["strftime_now"] = lambda form: now().strftime(form)
        try:
            self._template = environment.from_string(source)
        except jinja2.TemplateError as error:
            raise TemplateError(f"The chat template is not valid Jinja: {error}") from error

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        variables: Mapping[str, Any] | None = None,
        add_generation_prompt: bool = True,
    ) -> str:
        """The prompt, up to where the assistant's answer begins.

        Args:
            messages: the conversation.
            tools: the functions on offer, or None.
            variables: more for the template; they never replace one of its own.
            add_generation_prompt: whether the assistant's turn is opened.

        Raises:
            TemplateError: the template rejects the messages, their order of roles for instance.
        """
        given = {
            **(variables or {}),
            **self._variables,
            "messages": messages,
            "tools": tools,
            "add_generation_prompt": add_generation_prompt,
        }
        try:
            return self._template.render(given)
        except _FOREIGN as error:
            reason = str(error)[:_MAX_MESSAGE]
            raise TemplateError(reason) from error


def _raise(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)


def _to_json(
    value: Any,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    *,
    sort_keys: bool = False,
    **_ignored: Any,
) -> str:
    """Plain JSON: Jinja's own filter would escape ``<`` and ``&`` for HTML.

    Never escaped beyond need: `ensure_ascii` would hide the fences around typed control tokens.
    """
    return json.dumps(
        value, ensure_ascii=False, indent=indent, separators=separators, sort_keys=sort_keys
    )
