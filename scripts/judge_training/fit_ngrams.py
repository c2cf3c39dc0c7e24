"""Fits the second head, :mod:`proxy.judges.ngrams`; deterministic for the same examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize

from proxy.judges.ngrams import ASSET_VERSION, Floats, buckets, weighted
from scripts.judge_training.examples import Example

SIZES = (3, 4, 5)
BITS = 15
RAREST_RUN = 3
C = 4.0


def fit_ngrams(examples: Sequence[Example]) -> dict[str, Any]:
    """The document of a second head, with no shift yet."""
    idf = _idf(examples)
    rows = [weighted(each.answer, sizes=SIZES, bits=BITS, idf=idf) for each in examples]
    starts = np.cumsum([0] + [len(used) for used, _ in rows])
    columns = np.concatenate([used for used, _ in rows])
    values = np.concatenate([row for _, row in rows])
    matrix = csr_matrix((values, columns, starts), shape=(len(rows), 2**BITS))
    model = LogisticRegression(C=C, solver="liblinear", random_state=0)
    model.fit(normalize(matrix), [each.label for each in examples])
    return {
        "version": ASSET_VERSION,
        "sizes": list(SIZES),
        "bits": BITS,
        "idf": [round(float(value), 2) for value in idf],
        "weights": [round(float(value), 3) for value in model.coef_[0]],
        "bias": round(float(model.intercept_[0]), 4),
        "shift": 0.0,
        "threshold": 0.5,
    }


def _idf(examples: Sequence[Example]) -> Floats:
    """Smoothed inverse document frequency; 0 where too few texts fall into the bucket."""
    counts = np.zeros(2**BITS)
    for each in examples:
        counts[np.unique(buckets(each.answer, sizes=SIZES, bits=BITS))] += 1
    idf: Floats = np.log((1 + len(examples)) / (1 + counts)) + 1
    idf[counts < RAREST_RUN] = 0.0
    return idf.round(2)
