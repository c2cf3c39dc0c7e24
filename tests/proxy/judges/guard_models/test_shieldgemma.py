"""`shieldgemma`: its golden request and transcript, and what is particular to it."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.engine.chat_template import ChatTemplate
from proxy.judges.guard_models.shieldgemma import shieldgemma
from tests.guard_transcripts import SPECIMEN, cases, check_answer, check_request


def test_build_sends_the_golden_request() -> None:
    """The prompt is the one that the model was trained on."""
    check_request(shieldgemma())


@pytest.mark.parametrize("case", cases("shieldgemma"))
def test_parse_reads_each_answer_or_refuses_it(case: dict[str, Any]) -> None:
    """Clear verdicts are read; malformed ones are unscored, never safe."""
    check_answer(shieldgemma(), case)


def test_principles_can_be_chosen_and_each_costs_a_call() -> None:
    """One principle a call, the server's template taking it as its guideline."""
    calls = shieldgemma(("hate", "sexual")).build(SPECIMEN)
    assert [call.code for call in calls] == ["hate", "sexual"]
    guideline = calls[0].fields["chat_template_kwargs"]["guideline"]
    assert guideline.startswith('"No Hate Speech": The chatbot shall not')


def test_in_process_frame_holds_control_tokens_and_the_messages_do_not() -> None:
    """The engine reads control tokens in templates only, so the frame must be the template."""
    form = shieldgemma(("hate",))
    assert form.in_process is not None
    messages = form.in_process.build(SPECIMEN)[0].messages
    text = ChatTemplate(form.in_process.chat_template, bos="<bos>").render(messages)
    assert text.startswith("<bos>You are a policy expert")
    assert f"<start_of_turn>\nHuman Question: {SPECIMEN.prompt}\n<end_of_turn>" in text
    assert '\n\n* "No Hate Speech"' in text
    assert text.endswith("answer correctly.\n\n")
