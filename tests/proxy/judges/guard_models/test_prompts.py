"""Frames as text and as chat templates."""

from __future__ import annotations

import pytest

from proxy.domain import Exchange
from proxy.engine.chat_template import ChatTemplate
from proxy.judges.guard_models import prompts


@pytest.mark.parametrize(
    "name",
    ["wildguard.txt", "harmbench.txt", "harmbench_mistral.txt", "nemoguard.txt", "md_judge.txt"],
)
def test_fill_leaves_braces_of_the_judged_text_alone(name: str) -> None:
    """One pass: a slot's name inside the text is text."""
    text = prompts.fill(name, Exchange("{answer}{prompt}", "{prompt}"))
    assert "{answer}{prompt}" in text
    assert text.count("{prompt}") == 2


def test_chat_template_puts_messages_into_slots_and_keeps_the_last_newline() -> None:
    """Jinja in a message is text, and the frame ends as it was written."""
    template = ChatTemplate(prompts.chat_template("Q: {prompt}\nA: {answer}\n"), bos="<s>")
    messages = [{"content": "{{ 7 * 7 }}"}, {"content": "b"}]
    assert template.render(messages) == "<s>Q: {{ 7 * 7 }}\nA: b\n"
