"""The card that travels with a judge."""

from __future__ import annotations

import pytest

from proxy.judges.cards import Card


def test_card_is_read_as_assets_hold_it() -> None:
    """JSON has lists where the card has pairs."""
    document = {"sensitivity": [9, 10], "specificity": [17, 20], "set": "answers of our own"}
    assert Card.read(document) == Card((9, 10), (17, 20), "answers of our own")


@pytest.mark.parametrize("counts", [(3, 2), (-1, 2)])
def test_card_with_impossible_counts_is_refused(counts: tuple[int, int]) -> None:
    """A rate above one or below zero corrects nothing."""
    with pytest.raises(ValueError, match="0 <= k <= n"):
        Card(counts, (1, 2), "any")
