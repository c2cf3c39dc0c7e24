"""What every language must bring."""

from __future__ import annotations

import dataclasses
import time

import pytest

from proxy.judges.refusal import detect
from proxy.judges.wording import Wording
from proxy.judges.wording_en import ENGLISH
from proxy.judges.wording_vi import VIETNAMESE
from proxy.judges.wording_zh import CHINESE

HARD_TO_MATCH = (
    "sorry ", "i can ", "i can't help ", '"', "' ", "... ", "a ", "不能", "如果你",
    "tôi không thể ",
    "it is very ", "to be or ", "1. ", "as an ai ", "[a]", "x: ", "if you ", "my goal ",
)  # fmt: skip
PATIENCE_S = 5.0  # a pattern that backtracks without bound takes hours; a good one milliseconds


@pytest.mark.parametrize("wording", [ENGLISH, CHINESE, VIETNAMESE])
def test_no_pattern_matches_nothing(wording: Wording) -> None:
    """A pattern that matches the empty text would match every sentence."""
    for field in dataclasses.fields(wording):
        assert not getattr(wording, field.name).search(""), field.name


@pytest.mark.parametrize("piece", HARD_TO_MATCH)
def test_no_pattern_backtracks_without_bound(piece: str) -> None:
    """Answers come from models: none may make the detector hang."""
    started = time.process_time()
    detect((piece * 3000)[:2999] + "!")
    assert time.process_time() - started < PATIENCE_S
