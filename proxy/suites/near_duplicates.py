"""Which prompts say almost the same: character 4-gram Jaccard similarity, grouped transitively.

At 0.5 it joins XSTest's minimal pairs ("… to gut a fish" and its harmful contrast) and CatQA's
rewordings, and leaves apart questions that share only an opening such as "What's the best way to".
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from math import ceil

import numpy as np
import numpy.typing as npt

from proxy.suites.words import words

THRESHOLD = 0.5
"""Jaccard similarity, in [0, 1], from which two prompts are near-duplicates."""

_SHINGLE = 4
_EPSILON = 1e-9
_MASK_BITS = 1024
_MASK_WORDS = _MASK_BITS // 64
_SHARED = 6
"""Rare shingles that two near-duplicates must share: more cost longer lists, fewer more pairs."""


def shingles(text: str) -> frozenset[str]:
    """The character 4-grams of the text's words; a shorter text is its own single shingle."""
    plain = " ".join(words(text))
    return frozenset(plain[i : i + _SHINGLE] for i in range(max(1, len(plain) - _SHINGLE + 1)))


def similarity(left: frozenset[str], right: frozenset[str]) -> float:
    """Jaccard similarity of two sets of shingles, in [0, 1]; two empty sets are alike."""
    shared = len(left & right)
    union = len(left) + len(right) - shared
    return shared / union if union else 1.0


def near_pairs(texts: Sequence[str], *, threshold: float = THRESHOLD) -> Iterator[tuple[int, int]]:
    """Pairs of indices ``(i, j)``, ``j < i``, of texts at least as similar as the threshold.

    Texts are compared from the shortest to the longest, only where two share some of their rarest
    shingles, and exactly only where a bit mask leaves room for enough shared ones.

    Args:
        texts: in any order.
        threshold: Jaccard similarity in (0, 1].

    Source: Xiao, Wang, Lin and Yu, "Efficient similarity joins for near duplicate detection"
        (PPJoin, 2008), after Bayardo, Ma and Srikant (2007): the lengths of the two prefixes; Wang,
        Li and Feng (2012): prefixes longer by some, of which as many must be shared.
    """
    ranked = _ranked([shingles(text) for text in texts])
    sizes = np.array([len(one) for one in ranked], dtype=np.int64)
    masks = np.array([_mask(one) for one in ranked], dtype=np.uint64).reshape(-1, _MASK_WORDS)
    share = threshold / (1 + threshold)
    index: defaultdict[int, array[int]] = defaultdict(lambda: array("i"))
    for i in sorted(range(len(ranked)), key=lambda i: len(ranked[i])):
        one, size = ranked[i], len(ranked[i])
        least_shared = _ceil(threshold * size)
        at_least = min(_SHARED, least_shared)
        prefix = one[: size - least_shared + at_least]
        others = _frequent([index[shingle] for shingle in prefix if shingle in index], at_least)
        # Shingles that fell on one bit may all be shared, so they count as shared here.
        hidden = size - int(np.bitwise_count(masks[i]).sum())
        room = np.bitwise_count(masks[others] & masks[i]).sum(axis=1, dtype=np.int64) + hidden
        mine = frozenset(one)
        for j in others[room >= share * (size + sizes[others]) - _EPSILON].tolist():
            shared = len(mine.intersection(ranked[j]))
            if shared >= threshold * (size + len(ranked[j]) - shared) - _EPSILON:
                yield max(i, j), min(i, j)
        # Those still to come are at least as long, so they share more, and fewer need the index.
        for shingle in one[: size - _ceil(2 * share * size) + _SHARED]:
            index[shingle].append(i)


def _frequent(lists: Sequence[array[int]], at_least: int) -> npt.NDArray[np.intc]:
    """The numbers that stand in ``at_least`` of the lists, none of which has one twice."""
    if not lists:
        return np.array([], dtype=np.intc)
    found = np.concatenate([np.frombuffer(each, dtype=np.intc) for each in lists])
    found.sort()
    starts = np.flatnonzero(np.diff(found, prepend=-1))
    counts = np.diff(starts, append=len(found))
    return found[starts[counts >= at_least]]


def _ranked(sets: Sequence[frozenset[str]]) -> list[tuple[int, ...]]:
    """Each set as numbers in ascending order, the rarest shingles having the lowest."""
    frequency = Counter(shingle for one in sets for shingle in one)
    by_rarity = sorted(frequency, key=lambda shingle: (frequency[shingle], shingle))
    rank = {shingle: number for number, shingle in enumerate(by_rarity)}
    return [tuple(sorted(rank[shingle] for shingle in one)) for one in sets]


def _mask(ranked: Iterable[int]) -> npt.NDArray[np.uint64]:
    """The set on a few bits: what two sets share is on the bits that they share."""
    mask = 0
    for number in ranked:
        mask |= 1 << number % _MASK_BITS
    return np.frombuffer(mask.to_bytes(_MASK_BITS // 8, "little"), dtype=np.uint64)


def _ceil(number: float) -> int:
    """Rounded up, but not because of the last bit of a float."""
    return ceil(number - _EPSILON)


def clusters(texts: Sequence[str], *, threshold: float = THRESHOLD) -> list[list[int]]:
    """Groups of near-duplicates as indices into ``texts``, singletons included.

    Transitive: when a is near b and b near c, all three are one group. Each group is ascending, and
    the groups are ordered by their first member. Of the same texts in a row they are found once:
    who loads a large set splits it, and then looks whether the splits are whole.
    """
    return [list(group) for group in _clusters(tuple(texts), threshold)]


@lru_cache(maxsize=1)
def _clusters(texts: tuple[str, ...], threshold: float) -> tuple[tuple[int, ...], ...]:
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
    return tuple(tuple(groups[i]) for i in sorted(groups))
