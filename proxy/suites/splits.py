"""Which prompts are searched on, chosen on, reported on and watched on: four disjoint splits.

Stratified by kind and category, near-duplicate clusters kept whole, decided by content hash: the
same prompts get the same splits in whatever order their file lists them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import get_args

from proxy.domain import Prompt, Split
from proxy.suites.near_duplicates import clusters
from proxy.suites.ordering import Stratum, content_hash, stratum

SPLITS: tuple[Split, ...] = get_args(Split)
EQUAL_SHARES: Mapping[Split, float] = dict.fromkeys(SPLITS, 1.0)
"""A quarter of the prompts each."""

_Level = Stratum | str
"""What a quota is counted for: a stratum, a kind with its look-alikes, or everything."""


def assign(
    prompts: Sequence[Prompt], shares: Mapping[Split, float] = EQUAL_SHARES, seed: int = 0
) -> tuple[Prompt, ...]:
    """The same prompts in the same order, each with its split.

    Clusters are dealt in the order of their content hash, larger ones first; each goes where its
    stratum is furthest below its share, ties going to where its kind is, then the whole suite.

    Args:
        prompts: any suite; splits they already have are replaced.
        shares: relative weights, at least 0 and one above it; splits left out get nothing.
        seed: another seed gives another, equally valid assignment.

    Raises:
        ValueError: the shares cannot be used.
    """
    weights = _normalised(shares)
    groups = [[prompts[i] for i in group] for group in clusters([p.text for p in prompts])]
    groups.sort(key=lambda group: (-len(group), _rank(group, seed)))
    totals = Counter(level for prompt in prompts for level in _levels(prompt))
    taken: Counter[tuple[_Level, Split]] = Counter()
    chosen: dict[str, Split] = {}
    for group in groups:
        split = _neediest(group, weights, totals, taken, seed)
        for prompt in group:
            chosen[prompt.id] = split
            taken.update((level, split) for level in _levels(prompt))
    return tuple(replace(prompt, split=chosen[prompt.id]) for prompt in prompts)


def keep_whole(prompts: Sequence[Prompt]) -> tuple[Prompt, ...]:
    """Where near-duplicates straddle splits, move them to the split of the first of them.

    For suites put together after each got its own splits: the earlier suite's splits stand.
    """
    whole = list(prompts)
    for first, *others in clusters([prompt.text for prompt in prompts]):
        for i in others:
            whole[i] = replace(whole[i], split=whole[first].split)
    return tuple(whole)


def straddling(prompts: Sequence[Prompt]) -> tuple[tuple[Prompt, ...], ...]:
    """Near-duplicate clusters whose members lie in different splits; empty is what is wanted."""
    groups = (tuple(prompts[i] for i in group) for group in clusters([p.text for p in prompts]))
    return tuple(group for group in groups if len({prompt.split for prompt in group}) > 1)


def _normalised(shares: Mapping[Split, float]) -> dict[Split, float]:
    total = sum(shares.values())
    if not set(shares) <= set(SPLITS) or min(shares.values(), default=0) < 0 or not total > 0:
        raise ValueError(
            f"shares {dict(shares)} cannot be used: the keys are among {', '.join(SPLITS)}, "
            "the weights are at least 0 and one is above it."
        )
    return {split: shares[split] / total for split in SPLITS if shares.get(split)}


def _levels(prompt: Prompt) -> tuple[_Level, _Level, _Level]:
    """From the quota that matters most to the one that only breaks ties."""
    return stratum(prompt), f"{prompt.kind}{prompt.is_lookalike}", "all"


def _rank(group: Iterable[Prompt], seed: int) -> str:
    return min(content_hash(seed, prompt.text) for prompt in group)


def _neediest(
    group: Sequence[Prompt],
    weights: Mapping[Split, float],
    totals: Counter[_Level],
    taken: Counter[tuple[_Level, Split]],
    seed: int,
) -> Split:
    """The split that is furthest below its share, summed over the group's members."""
    rank = _rank(group, seed)
    by_level = list(zip(*map(_levels, group), strict=True))

    def lack(levels: Iterable[_Level], split: Split) -> float:
        return round(sum(totals[lv] * weights[split] - taken[lv, split] for lv in levels), 9)

    def need(split: Split) -> tuple[list[float], str]:
        return [lack(levels, split) for levels in by_level], content_hash(rank, split)

    return max(weights, key=need)
