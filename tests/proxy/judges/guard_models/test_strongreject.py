"""`strongreject`: its golden request and transcript, and what is particular to it."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.engine.chat_template import ChatTemplate
from proxy.judges.guard_models.strongreject import strongreject
from tests.guard_transcripts import SPECIMEN, cases, check_answer, check_request


def test_build_sends_the_golden_request() -> None:
    """The prompt is the one that the model was trained on."""
    check_request(strongreject())


@pytest.mark.parametrize("case", cases("strongreject"))
def test_parse_reads_each_answer_or_refuses_it(case: dict[str, Any]) -> None:
    """Clear verdicts are read; malformed ones are unscored, never safe."""
    check_answer(strongreject(), case)


def test_in_process_frame_gives_the_same_text() -> None:
    """What the engine's template renders is what a server is sent, with the bos token in front."""
    form = strongreject()
    assert form.in_process is not None
    messages = form.in_process.build(SPECIMEN)[0].messages
    text = ChatTemplate(form.in_process.chat_template, bos="<s>").render(messages)
    assert text == "<s>" + form.build(SPECIMEN)[0].messages[0]["content"]
