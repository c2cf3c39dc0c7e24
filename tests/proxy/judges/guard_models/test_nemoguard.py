"""`nemoguard`: its golden request and transcript, and what is particular to it."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.judges.guard_models.nemoguard import nemoguard
from tests.guard_transcripts import cases, check_answer, check_request


def test_build_sends_the_golden_request() -> None:
    """The prompt is the one that the model was trained on."""
    check_request(nemoguard())


@pytest.mark.parametrize("case", cases("nemoguard"))
def test_parse_reads_each_answer_or_refuses_it(case: dict[str, Any]) -> None:
    """Clear verdicts are read; malformed ones are unscored, never safe."""
    check_answer(nemoguard(), case)
