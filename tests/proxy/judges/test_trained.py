"""Assets are read whole, or refused with what to do."""

from __future__ import annotations

import json

import pytest

from proxy.errors import JudgeError
from proxy.judges import trained

CARD = {"sensitivity": [8, 10], "specificity": [9, 10], "set": "made up"}


def test_parse_gives_document_hash_and_card() -> None:
    """Whatever else a head has is its own business."""
    asset = trained.parse(
        json.dumps({"version": 1, "card": CARD, "bias": 2}).encode(), name="a.json", version=1
    )
    assert asset.document["bias"] == 2
    assert len(asset.sha) == 6
    assert asset.card is not None
    assert asset.card.sensitivity == (8, 10)


def test_head_without_a_card_has_none() -> None:
    """Rates are then not corrected."""
    assert trained.parse(b'{"version": 1}', name="a.json", version=1).card is None


def test_another_version_is_refused_with_what_to_do() -> None:
    """Its numbers would mean something else to this code."""
    with pytest.raises(JudgeError, match=r"a\.json: made for .* \(asset version 2, expected 1\)"):
        trained.parse(b'{"version": 2}', name="a.json", version=1)


@pytest.mark.parametrize(
    "name", ["compliance.json", "ngrams.json", "relevance.json", "fluency.json"]
)
def test_content_of_finds_what_ships(name: str) -> None:
    """Also from a wheel."""
    assert json.loads(trained.content_of(name))
