"""The compliance head: its arithmetic, and the asset that ships."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pytest

from proxy.errors import JudgeError
from proxy.judges.compliance import load_head, parse_head, sigmoid, terms_of
from proxy.judges.features import NAMES


def document(**changes: Any) -> bytes:
    """A tiny asset: two terms, hand features without weight."""
    n = len(NAMES)
    hand = {
        "names": list(NAMES),
        "mean": [0.0] * n,
        "scale": [1.0] * n,
        "weights": [0.0] * n,
        "bias": 0.5,
    }
    base = {
        "version": 1,
        "threshold": 0.5,
        "shift": 0.25,
        "text_share": 0.5,
        "bias": -1.0,
        "terms": {"mix": [2.0, 3.0], "mix flour": [1.0, 4.0]},
        "hand": hand,
    }
    return json.dumps(base | changes).encode()


def test_text_logit_is_the_normalised_tfidf_dot_product() -> None:
    """Sublinear counts times idf, divided by the l2 norm, times the weights, plus the bias."""
    head = parse_head(document())
    mix, pair = (1 + math.log(2)) * 2.0, 1.0
    expected = -1.0 + (3.0 * mix + 4.0 * pair) / math.hypot(mix, pair)
    assert head.text_logit("Mix flour, mix.") == pytest.approx(expected)


def test_score_averages_both_halves_and_adds_the_shift() -> None:
    """With no known term the halves are their biases."""
    head = parse_head(document())
    assert head.score("", "unknown words", 0.0) == pytest.approx(sigmoid((-1.0 + 0.5) / 2 + 0.25))


def test_score_weighs_how_far_the_answer_declines() -> None:
    """By its weight among the hand features."""
    hand = json.loads(document())["hand"]
    hand["weights"][NAMES.index("refusal_score")] = -2.0
    head = parse_head(document(hand=hand))
    assert head.score("", "unknown words", 0.5) == pytest.approx(
        sigmoid((-1.0 + 0.5 - 2.0 * 0.5) / 2 + 0.25)
    )


def test_score_reads_only_the_start() -> None:
    """What stands after 1,500 characters does not count."""
    head = parse_head(document())
    start = "word " * 300
    assert head.score("", start, 0.0) == head.score("", start + "mix flour", 0.0)


def test_terms_are_words_and_neighbours() -> None:
    """1- and 2-grams."""
    assert terms_of("Mix it well") == ["mix", "it", "well", "mix it", "it well"]


@pytest.mark.parametrize("x", [-1000.0, -1.0, 0.0, 1.0, 1000.0])
def test_sigmoid_stays_within_bounds(x: float) -> None:
    """No overflow at either end."""
    assert 0.0 <= sigmoid(x) <= 1.0


def test_parse_head_of_another_version_is_refused() -> None:
    """The error names the asset and the remedy."""
    with pytest.raises(JudgeError, match=r"asset version 2, expected 1.*make judge"):
        parse_head(document(version=2))


def test_parse_head_with_other_features_is_refused() -> None:
    """Weights of features that are no longer computed must not be used silently."""
    hand = json.loads(document())["hand"] | {"names": ["something_else"]}
    with pytest.raises(JudgeError, match="make judge"):
        parse_head(document(hand=hand))


def test_shipped_asset_is_whole() -> None:
    """It loads, fits today's features, and says what it was trained on."""
    head = load_head()
    assert 2000 <= len(head.terms) <= 12_000
    assert all(len(entry) == 2 and entry[0] >= 1.0 for entry in head.terms.values())
    assert len(head.hand.weights) == len(head.hand.mean) == len(head.hand.scale) == len(NAMES)
    assert all(scale > 0 for scale in head.hand.scale)
    assert head.shift == pytest.approx(-math.log(head.threshold / (1 - head.threshold)), abs=1e-3)
    assert re.fullmatch(r"[0-9a-f]{6}", head.sha)
    assert head.card is not None
    assert min(head.card.sensitivity[1], head.card.specificity[1]) > 100
