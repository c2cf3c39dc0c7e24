"""Which prompts say almost the same: character 4-gram Jaccard similarity, grouped transitively.

At 0.5 it joins XSTest's minimal pairs ("… to gut a fish" and its harmful contrast) and CatQA's
rewordings, and leaves apart questions that share only an opening such as "What's the best way to".
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from math import ceil
from typing import Any

from proxy.suites.words import words

THRESHOLD = 0.5
"""Jaccard similarity, in [0, 1], from which two prompts are near-duplicates."""

_SHINGLE = 4
_EPSILON = 1e-9
_MASK_BITS = 1024


def shingles(text: str) -> frozenset[str]:
    """The character 4-grams of the text's words; a shorter text is its own single shingle."""
    plain = " ".join(words(text))
    return frozenset(plain[i : i + _SHINGLE] for i in range(max(1, len(plain) - _SHINGLE + 1)))


def similarity(left: frozenset[str], right: frozenset[str]) -> float:
    """Jaccard similarity of two sets of shingles, in [0, 1]; two empty sets are alike."""
    return _similarity(left, right)


def _similarity(left: frozenset[Any], right: frozenset[Any]) -> float:
    shared = len(left & right)
    union = len(left) + len(right) - shared
    return shared / union if union else 1.0


def near_pairs(texts: Sequence[str], *, threshold: float = THRESHOLD) -> Iterator[tuple[int, int]]:
    """Pairs of indices ``(i, j)``, ``j < i``, of texts at least as similar as the threshold.

    Texts are compared from the shortest to the longest, only where two share one of their rarest
    shingles, and exactly only where a bit mask leaves room for enough shared ones.

    Args:
        texts: in any order.
        threshold: Jaccard similarity in (0, 1].

    Source: Xiao, Wang, Lin and Yu, "Efficient similarity joins for near duplicate detection"
        (PPJoin, 2008), after Bayardo, Ma and Srikant (2007): the lengths of the two prefixes.
    """
    ranked = _ranked([shingles(text) for text in texts])
    sets = [frozenset(one) for one in ranked]
    masks = [_mask(one) for one in ranked]
    share = threshold / (1 + threshold)
    index: defaultdict[int, list[int]] = defaultdict(list)
    for i in sorted(range(len(ranked)), key=lambda i: len(ranked[i])):
        one, mask, size = ranked[i], masks[i], len(ranked[i])
        prefix = one[: size - _ceil(threshold * size) + 1]
        others = set().union(*(index[shingle] for shingle in prefix if shingle in index))
        # Shingles that fell on one bit may all be shared, so they count as shared here.
        least = share * size - (size - mask.bit_count()) - _EPSILON
        for j in others:
            if (mask & masks[j]).bit_count() >= least + share * len(ranked[j]) and (
                _similarity(sets[i], sets[j]) >= threshold
            ):
                yield max(i, j), min(i, j)
        # Those still to come are at least as long, so they share more, and fewer need the index.
        for shingle in one[: size - _ceil(2 * share * size) + 1]:
            index[shingle].append(i)


def _ranked(sets: Sequence[frozenset[str]]) -> list[tuple[int, ...]]:
    """Each set as numbers in ascending order, the rarest shingles having the lowest."""
    frequency = Counter(shingle for one in sets for shingle in one)
    by_rarity = sorted(frequency, key=lambda shingle: (frequency[shingle], shingle))
    rank = {shingle: number for number, shingle in enumerate(by_rarity)}
    return [tuple(sorted(rank[shingle] for shingle in one)) for one in sets]


def _mask(ranked: Iterable[int]) -> int:
    """The set on a few bits: what two sets share is on the bits that they share."""
    mask = 0
    for number in ranked:
        mask |= 1 << number % _MASK_BITS
    return mask


def _ceil(number: float) -> int:
    """Rounded up, but not because of the last bit of a float."""
    return ceil(number - _EPSILON)


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
