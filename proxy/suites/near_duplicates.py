"""Which prompts say almost the same: character 4-gram Jaccard similarity, grouped transitively.

At 0.5 it joins XSTest's minimal pairs ("… to gut a fish" and its harmful contrast) and CatQA's
rewordings, and leaves apart questions that share only an opening such as "What's the best way to".
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from math import ceil

from proxy.suites.words import words

THRESHOLD = 0.5
"""Jaccard similarity, in [0, 1], from which two prompts are near-duplicates."""

_SHINGLE = 4


def shingles(text: str) -> frozenset[str]:
    """The character 4-grams of the text's words; a shorter text is its own single shingle."""
    plain = " ".join(words(text))
    return frozenset(plain[i : i + _SHINGLE] for i in range(max(1, len(plain) - _SHINGLE + 1)))


def similarity(left: frozenset[str], right: frozenset[str]) -> float:
    """Jaccard similarity of two sets of shingles, in [0, 1]; two empty sets are alike."""
    union = len(left | right)
    return len(left & right) / union if union else 1.0


def near_pairs(texts: Sequence[str], *, threshold: float = THRESHOLD) -> Iterator[tuple[int, int]]:
    """Pairs of indices ``(i, j)``, ``j < i``, of texts at least as similar as the threshold.

    Two sets can only be that similar when they share one of their ``|s| - ceil(t |s|) + 1`` rarest
    shingles, so only those are indexed: near-linear on real suites instead of quadratic.

    Args:
        texts: in any order.
        threshold: Jaccard similarity in (0, 1].

    Source: Bayardo, Ma and Srikant, "Scaling up all pairs similarity search" (2007).
    """
    sets = [shingles(text) for text in texts]
    frequency = Counter(shingle for one in sets for shingle in one)
    seen_in: defaultdict[str, list[int]] = defaultdict(list)
    for i, one in enumerate(sets):
        by_rarity = sorted(one, key=lambda shingle: (frequency[shingle], shingle))
        prefix = by_rarity[: len(one) - ceil(threshold * len(one)) + 1]
        for j in sorted({j for shingle in prefix for j in seen_in[shingle]}):
            if similarity(one, sets[j]) >= threshold:
                yield i, j
        for shingle in prefix:
            seen_in[shingle].append(i)


def clusters(texts: Sequence[str], *, threshold: float = THRESHOLD) -> list[list[int]]:
    """Groups of near-duplicates as indices into ``texts``, singletons included.

    Transitive: when a is near b and b near c, all three are one group. Each group is ascending, and
    the groups are ordered by their first member.
    """
    parent = list(range(len(texts)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, j in near_pairs(texts, threshold=threshold):
        first, second = sorted((root(i), root(j)))
        parent[second] = first
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for i in range(len(texts)):
        groups[root(i)].append(i)
    return [groups[i] for i in sorted(groups)]
