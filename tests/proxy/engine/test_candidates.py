from __future__ import annotations

import numpy as np
import pytest

from proxy.engine.candidates import Candidates
from proxy.engine.library import load_library

pytestmark = pytest.mark.gguf
LOGITS = np.array([0.0, 3.0, 1.0, 2.0], np.float32)


@pytest.fixture
def candidates() -> Candidates:
    """Four tokens."""
    return Candidates(load_library(), 4)


@pytest.fixture
def greedy() -> object:
    """Chooses the best."""
    return load_library().llama_sampler_init_greedy()


def test_chosen_token_keeps_its_id(candidates: Candidates, greedy: object) -> None:
    """Also when others were taken out before."""
    candidates.load(LOGITS)
    assert candidates.apply(greedy) == 1
    candidates.load(LOGITS)
    candidates.forbid(np.array([1], np.int32))
    assert candidates.drop_impossible()
    assert candidates.apply(greedy) == 3


def test_each_load_starts_anew(candidates: Candidates, greedy: object) -> None:
    """Nothing of an earlier cut is left, and the logits are not changed."""
    candidates.load_one(2)
    assert candidates.apply(greedy) == 2
    candidates.load(LOGITS)
    candidates.apply(load_library().llama_sampler_init_top_k(1))
    candidates.load(LOGITS)
    assert candidates.apply(greedy) == 1
    assert LOGITS.tolist() == [0, 3, 1, 2]


def test_nothing_left_is_said(candidates: Candidates) -> None:
    """Instead of a choice among none."""
    candidates.load(np.full(4, -np.inf, np.float32))
    assert not candidates.drop_impossible()
