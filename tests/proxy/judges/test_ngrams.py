"""The second head: its arithmetic, and the asset that ships."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import numpy as np
import pytest

from proxy.errors import JudgeError
from proxy.judges.compliance import sigmoid
from proxy.judges.ngrams import buckets, load_ngrams, parse_ngrams

BITS = 6


def document(**changes: Any) -> bytes:
    """A tiny asset: runs of three letters in 64 buckets."""
    base = {
        "version": 1,
        "sizes": [3],
        "bits": BITS,
        "idf": [1.0] * 2**BITS,
        "weights": [0.0] * 2**BITS,
        "bias": -0.5,
        "shift": 0.25,
        "threshold": 0.5,
    }
    return json.dumps(base | changes).encode()


def of(answer: str) -> list[int]:
    """The buckets of its runs of three."""
    return [int(bucket) for bucket in buckets(answer, sizes=[3], bits=BITS)]


def test_every_run_of_letters_has_its_bucket() -> None:
    """A blank stands before and behind the text."""
    assert len(of("mix it")) == len(" mix it ") - 2
    assert all(0 <= bucket < 2**BITS for bucket in of("mix it"))


def test_hashes_never_change() -> None:
    """Weights are stored by bucket: another hash would make them noise."""
    found = buckets("Mix it", sizes=[3, 4], bits=15).tolist()
    assert found == [24149, 7588, 8468, 26874, 6436, 30129, 18716, 9511, 10142, 15401, 8490]


def test_case_and_white_space_do_not_matter_and_words_order_does() -> None:
    """What is folded, and what is not."""
    assert of("Mix\n\n  IT ") == of("mix it")
    assert of("it mix") != of("mix it")


@pytest.mark.parametrize("answer", ["", " ", "好"])
def test_texts_too_short_for_a_run_have_the_bias(answer: str) -> None:
    """No n-gram, no evidence; a foreign letter is one unknown letter."""
    head = parse_ngrams(document())
    assert head.score("", answer, 0.0) == pytest.approx(sigmoid(-0.5 + 0.25))


def test_logit_is_the_normalised_tfidf_dot_product() -> None:
    """One bucket with weight, seen twice, among others without."""
    text = "ababab"
    weights = np.zeros(2**BITS)
    weights[of("ab")[0]] = 2.0  # the run " ab"
    head = parse_ngrams(document(weights=weights.tolist()))
    used, counts = np.unique(of(text), return_counts=True)
    values = 1 + np.log(counts)
    expected = -0.5 + 2.0 * values[used == of("ab")[0]][0] / math.sqrt(float(values @ values))
    assert head.logit(text) == pytest.approx(expected)


def test_prompt_does_not_matter_and_only_the_start_is_read() -> None:
    """The head looks at the answer alone, and at 1,500 characters of it."""
    head = load_ngrams()
    start = "word " * 300
    assert head.score("one", start, 0.0) == head.score("two", start + "step one: mix", 1.0)


def test_parse_of_another_version_is_refused() -> None:
    """The error names the asset and the remedy."""
    with pytest.raises(JudgeError, match=r"ngrams.json.*asset version 2, expected 1.*make judge"):
        parse_ngrams(document(version=2))


def test_shipped_asset_is_whole() -> None:
    """One weight a bucket, an operating point, and errors measured elsewhere."""
    head = load_ngrams()
    assert head.idf.shape == head.weights.shape == (2**head.bits,)
    assert head.shift == pytest.approx(-math.log(head.threshold / (1 - head.threshold)), abs=1e-3)
    assert re.fullmatch(r"[0-9a-f]{6}", head.sha)
    assert head.card is not None
    assert min(head.card.sensitivity[1], head.card.specificity[1]) > 100
