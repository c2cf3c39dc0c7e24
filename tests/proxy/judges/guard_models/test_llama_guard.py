"""Llama Guard: three generations, three maps."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.domain import CATEGORIES
from proxy.judges.guard_models.llama_guard import MAPS, Generation, llama_guard
from tests.guard_transcripts import cases, check_answer, check_request


@pytest.mark.parametrize("generation", ["2", "3", "4"])
def test_build_sends_the_golden_request(generation: Generation) -> None:
    """Two turns; the fourth generation wants lists of parts."""
    check_request(llama_guard(generation))


@pytest.mark.parametrize("case", cases("llama_guard_2"))
def test_second_generation_reads_or_refuses(case: dict[str, Any]) -> None:
    """Eleven codes."""
    check_answer(llama_guard("2"), case)


@pytest.mark.parametrize("case", cases("llama_guard_3"))
def test_third_generation_reads_or_refuses(case: dict[str, Any]) -> None:
    """Fourteen codes."""
    check_answer(llama_guard("3"), case)


@pytest.mark.parametrize("case", cases("llama_guard_4"))
def test_fourth_generation_reads_or_refuses(case: dict[str, Any]) -> None:
    """Fourteen codes behind forced newlines."""
    check_answer(llama_guard("4"), case)


def test_maps_differ_where_the_numbering_does() -> None:
    """S5 is advice in Llama Guard 2 and defamation in 3: one map for both would lie."""
    assert MAPS["2"]["S5"] == "advice"
    assert MAPS["3"]["S5"] == "unethical"
    assert "S12" not in MAPS["2"]
    assert {len(MAPS[generation]) for generation in ("3", "4")} == {14}
    assert {category for labels in MAPS.values() for category in labels.values()} <= {*CATEGORIES}
