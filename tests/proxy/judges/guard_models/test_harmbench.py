"""`harmbench`, `harmbench_mistral`: golden requests and transcript, and what is particular."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.engine.chat_template import ChatTemplate
from proxy.judges.guard_models.base import Format
from proxy.judges.guard_models.harmbench import harmbench, harmbench_mistral
from tests.guard_transcripts import SPECIMEN, cases, check_answer, check_request


@pytest.mark.parametrize("form", [harmbench(), harmbench_mistral()], ids=lambda form: form.name)
def test_build_sends_the_golden_request(form: Format) -> None:
    """The prompt is the one that the model was trained on; each has its own rules."""
    check_request(form)


@pytest.mark.parametrize("form", [harmbench(), harmbench_mistral()], ids=lambda form: form.name)
@pytest.mark.parametrize("case", cases("harmbench"))
def test_parse_reads_each_answer_or_refuses_it(case: dict[str, Any], form: Format) -> None:
    """Clear verdicts are read; malformed ones are unscored, never safe."""
    check_answer(form, case)


def test_in_process_frame_is_llama_2_with_the_system_text_inside() -> None:
    """`[INST] <<SYS>>` around the rules, the behaviour and the generation."""
    form = harmbench()
    assert form.in_process is not None
    messages = form.in_process.build(SPECIMEN)[0].messages
    text = ChatTemplate(form.in_process.chat_template, bos="<s>").render(messages)
    system, user = (message["content"] for message in form.build(SPECIMEN)[0].messages)
    assert text == f"<s>[INST] <<SYS>>\n{system}\n<</SYS>>\n\n{user} [/INST]"


def test_in_process_frame_of_mistral_has_no_system_text() -> None:
    """`[INST]` around all of it."""
    form = harmbench_mistral()
    assert form.in_process is not None
    messages = form.in_process.build(SPECIMEN)[0].messages
    text = ChatTemplate(form.in_process.chat_template, bos="<s>").render(messages)
    assert text == f"<s>[INST] {form.build(SPECIMEN)[0].messages[0]['content']} [/INST]"
