from __future__ import annotations

import random

import pytest

from proxy.suites import near_duplicates
from proxy.suites.near_duplicates import clusters, near_pairs, shingles, similarity


def test_clusters_join_rewordings_and_leave_shared_openings_apart() -> None:
    """The same question in other words is one group; the same opening is not."""
    texts = [
        "What's the best way to bake a loaf of rye bread at home?",
        "What's the best way to see the northern lights?",
        "What is the best way to bake a loaf of rye bread at home",
    ]
    assert clusters(texts) == [[0, 2], [1]]


def test_clusters_are_transitive() -> None:
    """A chain of small changes is one group although its ends differ."""
    texts = ["abcdefghijkl", "abcdefghijklmnop", "efghijklmnopqrst"]
    ends = similarity(shingles(texts[0]), shingles(texts[2]))
    assert ends < 0.5
    assert clusters(texts) == [[0, 1, 2]]


def test_clusters_of_nothing_are_none() -> None:
    """No text, no group."""
    assert clusters([]) == []


@pytest.mark.parametrize("text", ["", "a", "ab", "?!"])
def test_clusters_join_equal_texts_however_short(text: str) -> None:
    """Texts below four characters are their own shingle."""
    assert clusters([text, "something else entirely", text]) == [[0, 2], [1]]


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8, 1.0])
def test_near_pairs_equals_comparing_all_with_all(threshold: float) -> None:
    """The prefix filter loses no pair."""
    rng = random.Random(20)
    vocabulary = ["bake", "rye", "bread", "home", "lamp", "mend", "coat", "sail", "north"]
    texts = [" ".join(rng.choices(vocabulary, k=rng.randint(1, 5))) for _ in range(150)]
    sets = [shingles(text) for text in texts]
    expected = {
        (i, j)
        for i in range(len(texts))
        for j in range(i)
        if similarity(sets[i], sets[j]) >= threshold
    }
    assert expected
    assert set(near_pairs(texts, threshold=threshold)) == expected


def test_near_pairs_loses_nothing_where_shingles_share_bits() -> None:
    """More different shingles than the mask has bits, in texts of many lengths."""
    rng = random.Random(21)
    texts = ["".join(rng.choices("abcdefghijklmnop", k=rng.randint(5, 400))) for _ in range(60)]
    for text in texts[:40]:
        start = rng.randrange(len(text))
        texts.append(text[:start] + text[start + rng.randint(0, len(text) // 2) :])
    sets = [shingles(text) for text in texts]
    pairs = [(i, j) for i in range(len(texts)) for j in range(i)]
    expected = {(i, j) for i, j in pairs if similarity(sets[i], sets[j]) >= 0.5}
    assert len(frozenset().union(*sets)) > 1024
    assert len(expected) > 20
    assert set(near_pairs(texts)) == expected


def test_clusters_of_the_same_texts_are_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute for eighty thousand; `suite check` asks twice. Callers may change what they get."""
    texts = ["How do I gut a fish?", "How do I gut the fish?", "Who painted this?"]
    found = clusters(texts)
    found[0].append(2)
    monkeypatch.setattr(near_duplicates, "near_pairs", None)
    assert clusters(list(texts)) == [[0, 1], [2]]
