"""The roster of judges."""

from __future__ import annotations

import pytest

from proxy.errors import JudgeError
from proxy.judges import registry


def test_default_is_the_embedded_judge() -> None:
    """Nothing configured, nothing downloaded."""
    assert registry.create().judge_id.startswith("embedded-")


@pytest.mark.parametrize("name", sorted(registry.JUDGES))
def test_every_name_makes_a_judge(name: str) -> None:
    """Each entry of the roster can be made."""
    assert registry.create(name).judge_id


def test_lexical_judge_says_so_in_its_id() -> None:
    """Nobody takes one for the other."""
    assert registry.create("embedded-lexical").judge_id.endswith("+lexical")


def test_unknown_name_lists_the_known_ones() -> None:
    """The error says what there is."""
    with pytest.raises(
        JudgeError,
        match=r"'embeded'. Known: embedded, embedded-lexical, embedded-ngrams, scripted\.",
    ):
        registry.create("embeded")
