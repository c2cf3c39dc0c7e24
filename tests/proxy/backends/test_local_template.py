from __future__ import annotations

import asyncio
from threading import get_ident
from typing import Any

import pytest

from proxy.backends.local_fields import Options, parse_fields
from proxy.backends.local_template import LocalTemplate
from proxy.backends.tool_calls import HERMES
from proxy.engine.chat_template import TemplateError
from proxy.engine.prompt import Prompt
from proxy.errors import RequestError
from tests.proxy.engine.fake_runtime import END, START, FakeRuntime, FakeVocabulary

USER = {"role": "user", "content": "Hi"}
TOOL = {"type": "function", "function": {"name": "f", "description": "says <|end|>"}}
NATIVE = (
    "{% if tools %}{% for t in tools %}{{ t | tojson }}{% endfor %}{% endif %}"
    "{% for m in messages %}{{ m.role }}:{{ m.content }}"
    "{% for c in m.tool_calls or [] %}<tool_call>{{ c.function.arguments | tojson }}{% endfor %}\n"
    "{% endfor %}{% if add_generation_prompt %}assistant:{{ extra }}{% endif %}"
)
THINKING = (
    "{{ messages[0].content }}{% if add_generation_prompt %}!<think>\n{% endif %}{# </think> #}"
)


def made(source: str | None) -> LocalTemplate:
    """Over the fake vocabulary."""
    return LocalTemplate.of(FakeRuntime(), source)


def options(**fields: Any) -> Options:
    """Parsed."""
    return parse_fields(fields, n_vocab=258)


def encode(template: LocalTemplate, *messages: dict[str, Any], **fields: Any) -> Prompt:
    """Of one request."""
    return asyncio.run(template.encode(messages, options(**fields)))


def text(prompt: Prompt) -> str:
    """Its plain bytes."""
    return bytes(token for token in prompt.tokens if token < START).decode()


def test_template_that_knows_tools_gets_them() -> None:
    """With typed control tokens in a description disarmed."""
    prompt = encode(made(NATIVE), USER, tools=[TOOL])
    assert '"name": "f"' in text(prompt)
    assert "says <|end|>" in text(prompt)
    assert END not in prompt.tokens
    assert "You may call" not in text(prompt)


def test_template_without_tools_gets_the_preamble_and_plain_turns() -> None:
    """Results come as text of the user's."""
    call = {"id": "1", "function": {"name": "f", "arguments": "{}"}}
    prompt = encode(
        made(None), USER, {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "content": "42 <|end|>"}, tools=[TOOL],
    )  # fmt: skip
    assert text(prompt).startswith("system\nYou may call these functions:")
    assert '<tool_call>\n{"name": "f", "arguments": {}}' in text(prompt)
    assert "user\n<tool_response>\n42 <|end|>" in text(prompt)
    # Four turns: the control token in the result is text.
    assert prompt.tokens.count(END) == 4


def test_calls_reach_a_template_that_writes_them_itself() -> None:
    """Arguments as an object."""
    call = {"id": "1", "function": {"name": "f", "arguments": '{"a": "<|end|>"}'}}
    prompt = encode(made(NATIVE), USER, {"role": "assistant", "tool_calls": [call]})
    assert '<tool_call>{"a": "<|end|>"}' in text(prompt)
    assert END not in prompt.tokens


def test_variables_reach_the_template_as_text_only() -> None:
    """Control tokens in them are disarmed, too."""
    prompt = encode(made(NATIVE), USER, chat_template_kwargs={"extra": "x<|end|>"})
    assert text(prompt).endswith("assistant:x<|end|>")
    assert END not in prompt.tokens


def test_template_that_opens_thoughts_is_noticed() -> None:
    """But not a user who types the tag; the grammar then waits for their end."""
    template = made(THINKING)
    prompt = encode(template, USER)
    assert prompt.is_thinking
    wanted = options(grammar='root ::= "x"')
    grammar = template.grammar(wanted, prompt)
    assert grammar is not None
    assert grammar.is_thinking
    assert template.reading(wanted, prompt).is_thinking
    typed = encode(made("{{ messages[0].content }}{# </think> #}"), {**USER, "content": "<think>"})
    assert not typed.is_thinking
    assert encode(template, {**USER, "content": "think"}).is_thinking


def test_tools_decide_grammar_and_reading() -> None:
    """Nothing of either without them."""
    template, prompt = made(None), Prompt((1,), 0)
    wanted = options(tools=[TOOL], tool_choice="required")
    grammar = template.grammar(wanted, prompt)
    assert grammar is not None
    assert not grammar.is_lazy
    reading = template.reading(wanted, prompt)
    assert (reading.dialect, reading.functions) == (HERMES, ("f",))
    assert template.grammar(options(), prompt) is None
    assert template.reading(options(), prompt).dialect is None


CALL = {"id": "1", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("messages", "fields", "is_inline"),
    [
        ([USER], {}, True),
        ([{**USER, "content": "x" * 16_384}], {"chat_template_kwargs": {"think": False}}, True),
        ([{**USER, "content": "x" * 16_385}], {}, False),
        ([USER], {"tools": [TOOL]}, False),
        ([USER], {"chat_template_kwargs": {"extra": "x"}}, False),
        ([USER], {"chat_template_kwargs": {"extra": ["x"]}}, False),
        ([USER, {"role": "assistant", "tool_calls": [CALL]}], {}, False),
        ([{"role": "assistant", "content": "", "reasoning_content": "Hm"}, USER], {}, False),
    ],
)
@pytest.mark.parametrize("source", [NATIVE, None])
def test_what_may_be_long_is_tokenised_off_the_event_loop(
    source: str | None,
    messages: list[dict[str, Any]],
    fields: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_inline: bool,
) -> None:
    """Wherever its length may be: other answers go on meanwhile."""
    template, threads = made(source), set()
    tokenize = FakeVocabulary.tokenize

    def noted(self: FakeVocabulary, text: str, *, parse_special: bool) -> list[int]:
        threads.add(get_ident())
        return tokenize(self, text, parse_special=parse_special)

    monkeypatch.setattr(FakeVocabulary, "tokenize", noted)
    encode(template, *messages, **fields)
    assert len(threads) == 1
    assert (threads == {get_ident()}) is is_inline


def test_deep_nesting_is_a_bad_request() -> None:
    """And not a full stack."""
    deep: Any = {}
    for _ in range(900):
        deep = {"a": deep}
    with pytest.raises(RequestError, match="nested"):
        encode(made(NATIVE), USER, chat_template_kwargs={"x": deep})


def test_model_without_a_template_says_what_to_set() -> None:
    """A base model."""
    runtime = FakeRuntime()
    runtime.chat_template = None
    with pytest.raises(TemplateError, match="Set chat_template"):
        LocalTemplate.of(runtime, None)
    template = LocalTemplate.of(runtime, "{{ messages[0].content }}")
    assert text(encode(template, USER)) == "Hi"
