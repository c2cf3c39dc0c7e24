"""What a conversion changed, in figures."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from proxy.engine.fidelity import MAX_TOKENS, Fidelity, FidelityError, compare, measure, read_text
from proxy.engine.weights import default_cache, find_weights


def test_same_predictions_agree_and_do_not_diverge() -> None:
    """Adding a constant to all logits changes no prediction."""
    logits = np.array([[1, 2, 3], [3, 0, 0]], np.float32)
    assert compare(logits, logits + 5) == Fidelity(2, 1.0, 0.0, 0.0)


def test_divergence_is_the_textbooks() -> None:
    """From a fair coin to one with 3 : 1; the other position is untouched."""
    fair, loaded = np.zeros((2, 2), np.float32), np.zeros((2, 2), np.float32)
    loaded[1] = [math.log(3), 0]
    found = compare(fair, loaded)
    kl = 0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25)
    assert found.max_kl_nats == pytest.approx(kl, rel=1e-6)
    assert found.mean_kl_nats == pytest.approx(kl / 2, rel=1e-6)


def test_extreme_logits_do_not_overflow() -> None:
    """Some models give thousands."""
    first = np.array([[10_000, 0]], np.float32)
    second = np.array([[0, 10_000]], np.float32)
    found = compare(first, second)
    assert found.top1_agreement == 0
    assert found.mean_kl_nats == pytest.approx(10_000)


def test_other_vocabularies_cannot_be_compared() -> None:
    """They are not two files of one model."""
    with pytest.raises(FidelityError, match="vocabularies differ"):
        compare(np.zeros((2, 3), np.float32), np.zeros((2, 4), np.float32))


@pytest.mark.gguf
def test_embedded_model_in_f16_is_nearly_what_it_was() -> None:
    """Its Q4_1 weights are exact in F16; only the arithmetic of activations differs."""
    found = find_weights("embedded", convert=None, cache=default_cache())
    fidelity = measure(found.original, found.path, threads=2)
    assert fidelity.n_positions == MAX_TOKENS
    assert fidelity.top1_agreement > 0.9
    assert 0 < fidelity.mean_kl_nats < 0.01


@pytest.mark.gguf
def test_file_that_is_no_model_is_an_error(tmp_path: Path) -> None:
    """With its path."""
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF and no more")
    with pytest.raises(FidelityError, match=r"m\.gguf cannot be loaded"):
        read_text(path, threads=1)
