"""`qwen3guard`: its golden request and transcript, and what is particular to it."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.judges.guard_models.qwen3guard import qwen3guard
from tests.guard_transcripts import cases, check_answer, check_request


def test_build_sends_the_golden_request() -> None:
    """The prompt is the one that the model was trained on."""
    check_request(qwen3guard())


@pytest.mark.parametrize("case", cases("qwen3guard"))
def test_parse_reads_each_answer_or_refuses_it(case: dict[str, Any]) -> None:
    """Clear verdicts are read; malformed ones are unscored, never safe."""
    check_answer(qwen3guard(), case)


def test_mode_moves_only_the_middle_class() -> None:
    """Strict counts Controversial as unsafe, loose as safe; the label stays the same."""
    strict, loose = qwen3guard("strict"), qwen3guard("loose")
    assert strict.scale == {"Safe": 0.0, "Controversial": 1.0, "Unsafe": 1.0}
    assert loose.scale == {"Safe": 0.0, "Controversial": 0.0, "Unsafe": 1.0}
    assert loose.parse("Safety: Controversial").label == "Controversial"
