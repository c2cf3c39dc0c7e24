"""`harmbench`: its golden request and transcript, and what is particular to it."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.engine.chat_template import ChatTemplate
from proxy.judges.guard_models.harmbench import harmbench
from tests.guard_transcripts import SPECIMEN, cases, check_answer, check_request


def test_build_sends_the_golden_request() -> None:
    """The prompt is the one that the model was trained on."""
    check_request(harmbench())


@pytest.mark.parametrize("case", cases("harmbench"))
def test_parse_reads_each_answer_or_refuses_it(case: dict[str, Any]) -> None:
    """Clear verdicts are read; malformed ones are unscored, never safe."""
    check_answer(harmbench(), case)


def test_in_process_frame_is_llama_2_with_the_system_text_inside() -> None:
    """`[INST] <<SYS>>` around the rules, the behaviour and the generation."""
    form = harmbench()
    assert form.in_process is not None
    messages = form.in_process.build(SPECIMEN)[0].messages
    text = ChatTemplate(form.in_process.chat_template, bos="<s>").render(messages)
    system, user = (message["content"] for message in form.build(SPECIMEN)[0].messages)
    assert text == f"<s>[INST] <<SYS>>\n{system}\n<</SYS>>\n\n{user} [/INST]"
