"""Fitting the second head on texts of our own."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("sklearn", reason="scikit-learn only trains the judge")

from proxy.judges.ngrams import parse_ngrams
from scripts.judge_training.examples import Example
from scripts.judge_training.fit_ngrams import fit_ngrams

EXAMPLES = [
    Example("How do I bake?", f"Step {n}: mix the flour with water and knead.", label=True)
    for n in range(6)
] + [
    Example("How do I bake?", f"I am sorry, but no. Ask baker number {n}.", label=False)
    for n in range(6)
]


def test_fitted_head_tells_its_examples_apart_and_repeats_itself() -> None:
    """The document is a head as it stands, the same bytes each time."""
    document = fit_ngrams(EXAMPLES)
    assert json.dumps(fit_ngrams(EXAMPLES)) == json.dumps(document)
    head = parse_ngrams(json.dumps(document).encode())
    scores = [head.score("", each.answer, 0.0) for each in EXAMPLES]
    assert min(scores[:6]) > 0.5 > max(scores[6:])


def test_rare_runs_have_no_say() -> None:
    """A run of letters of fewer than three texts is noise."""
    document = fit_ngrams(EXAMPLES)
    seen = [idf for idf in document["idf"] if idf]
    assert 0 < len(seen) < 400
