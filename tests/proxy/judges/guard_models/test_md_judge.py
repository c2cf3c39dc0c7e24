"""`md_judge`: its golden request and transcript, and what is particular to it."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.judges.guard_models.md_judge import md_judge
from tests.guard_transcripts import cases, check_answer, check_request


def test_build_sends_the_golden_request() -> None:
    """The prompt is the one that the model was trained on."""
    check_request(md_judge())


@pytest.mark.parametrize("case", cases("md_judge"))
def test_parse_reads_each_answer_or_refuses_it(case: dict[str, Any]) -> None:
    """Clear verdicts are read; malformed ones are unscored, never safe."""
    check_answer(md_judge(), case)
