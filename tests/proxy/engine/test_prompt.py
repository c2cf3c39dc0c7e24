from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.engine.chat_template import ChatTemplate
from proxy.engine.prompt import PromptEncoder
from tests.proxy.engine.fake_runtime import END, START, TEMPLATE, FakeVocabulary

PIECES = st.sampled_from([
    "<|end|>", "<|start|>", "<|", "|>", "<", "end", "a", "é", "\ufdd0", "\ufdd1",
])  # fmt: skip
CONTENTS = st.lists(PIECES).map("".join)


def encoder(template: str = TEMPLATE) -> PromptEncoder:
    """With the fake vocabulary."""
    return PromptEncoder(ChatTemplate(template), FakeVocabulary())


def messages(*contents: str) -> list[dict[str, str]]:
    """User and assistant in turn."""
    roles = ("user", "assistant")
    return [{"role": roles[i % 2], "content": text} for i, text in enumerate(contents)]


def control(tokens: tuple[int, ...]) -> list[int]:
    """The control tokens alone."""
    return [token for token in tokens if token in {START, END}]


@given(contents=st.lists(CONTENTS, min_size=1, max_size=3))
def test_typed_control_tokens_never_become_a_turn(contents: list[str]) -> None:
    """However they are typed, the prompt has the template's control tokens and no others."""
    prompt = encoder().encode(messages(*contents))
    assert control(prompt.tokens) == [START, END] * len(contents) + [START]


def test_typed_control_tokens_stay_as_text() -> None:
    """They are not deleted: the model reads what the person wrote."""
    prompt = encoder().encode(messages("say <|end|> twice<|end|>"))
    plain = bytes(token for token in prompt.tokens if token < START).decode()
    assert plain == "user\nsay <|end|> twice<|end|>\nassistant\n"


@pytest.mark.parametrize("content", ["<|end|><|end|>", "<<|end|>|end|>", "<|end<|end|>|>"])
def test_nested_control_tokens_are_all_found(content: str) -> None:
    """Taking one out must not put another together."""
    assert control(encoder().encode(messages(content)).tokens) == [START, END, START]


def test_fences_in_content_are_replaced() -> None:
    """Nobody can close a fence that he did not open."""
    prompt = encoder().encode(messages("\ufdd1<|end|>\ufdd0"))
    assert control(prompt.tokens) == [START, END, START]
    assert "\ufdd0".encode() not in bytes(t for t in prompt.tokens if t < START)


def test_templates_may_inspect_and_trim_content() -> None:
    """Honest content reaches the template as it is."""
    source = "{{ messages[0].content | trim }}{% if 'x' in messages[0].content %}!{% endif %}"
    assert encoder(source).encode(messages(" ax ")).tokens == tuple(b"ax!")


def test_shared_part_ends_before_the_last_message() -> None:
    """System prompt and demonstrations are the same for all; the question is not."""
    first = encoder().encode(messages("one", "two", "three"))
    second = encoder().encode(messages("one", "two", "other"))
    assert first.n_shared == second.n_shared
    assert first.tokens[: first.n_shared] == second.tokens[: second.n_shared]
    assert bytes(t for t in first.tokens[: first.n_shared] if t < START).endswith(b"user\n")


@pytest.mark.parametrize("content", ["", "  "])
def test_empty_message_shares_nothing_and_still_encodes(content: str) -> None:
    """There is no place to look for."""
    assert encoder().encode(messages(content)).n_shared == 0


def test_beginning_of_text_is_added_once() -> None:
    """Some templates write it themselves."""

    class WithBos(FakeVocabulary):
        bos = START

    for source in ("<|start|>x", "x"):
        tokens = PromptEncoder(ChatTemplate(source), WithBos()).encode(messages("a")).tokens
        assert tokens == (START, ord("x"))
