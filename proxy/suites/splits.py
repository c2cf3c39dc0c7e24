"""Which prompts are searched on, chosen on, reported on and watched on: four disjoint splits.

Stratified by kind and category, near-duplicate clusters kept whole, decided by content hash: the
same prompts get the same splits in whatever order their file lists them. Only the built-in suite
has grown since: there the earlier prompts keep theirs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import get_args

from proxy.domain import Kind, Prompt, Split
from proxy.suites.near_duplicates import clusters
from proxy.suites.ordering import Stratum, content_hash, stratum

SPLITS: tuple[Split, ...] = get_args(Split)
EQUAL_SHARES: Mapping[Split, float] = dict.fromkeys(SPLITS, 1.0)
"""A quarter of the prompts each."""

_Level = Stratum | tuple[Kind, bool] | tuple[()]
"""What a quota is counted for: a stratum, a kind (look-alikes apart), or everything."""


def assign(
    prompts: Sequence[Prompt], shares: Mapping[Split, float] = EQUAL_SHARES, seed: int = 0
) -> tuple[Prompt, ...]:
    """The same prompts in the same order, each with its split.

    Clusters are dealt larger ones first, then stratum by stratum in the order of their content
    hash; each goes where its stratum is furthest below its share, ties going to where its kind is,
    then the whole suite.

    Args:
        prompts: any suite; splits they already have are replaced.
        shares: relative weights, at least 0 and one above it; splits left out get nothing.
        seed: another seed gives another, equally valid assignment.

    Raises:
        ValueError: the shares cannot be used.
    """
    return _dealt(prompts, _Quotas(prompts, _normalised(shares)), seed)


def extend(prompts: Sequence[Prompt]) -> tuple[Prompt, ...]:
    """A split for each prompt that has none yet, so that all come out in equal shares.

    Where prompts were added to a suite the earlier ones keep theirs: what was ever searched on
    never comes to be tested on.

    Returns:
        All prompts in their order. A new one that is a near-duplicate of an earlier one may lie in
        another split; :func:`straddling` finds those.
    """
    quotas = _Quotas(prompts, _normalised(EQUAL_SHARES))
    for prompt in prompts:
        if prompt.split is not None:
            quotas.take((prompt,), prompt.split)
    added = _dealt([prompt for prompt in prompts if prompt.split is None], quotas, seed=0)
    chosen = {prompt.id: prompt for prompt in added}
    return tuple(chosen.get(prompt.id, prompt) for prompt in prompts)


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


def _rank(group: Iterable[Prompt], seed: int) -> str:
    return min(content_hash(seed, prompt.text) for prompt in group)


def _levels(prompt: Prompt) -> tuple[_Level, _Level, _Level]:
    """From the quota that matters most to those that only break ties."""
    return stratum(prompt), (prompt.kind, prompt.is_lookalike), ()


def _dealt(prompts: Sequence[Prompt], quotas: _Quotas, seed: int) -> tuple[Prompt, ...]:
    groups = [[prompts[i] for i in group] for group in clusters([p.text for p in prompts])]
    groups.sort(key=lambda group: (-len(group), min(map(stratum, group)), _rank(group, seed)))
    chosen: dict[str, Split] = {}
    for group in groups:
        split = quotas.neediest(group, tie_break=_rank(group, seed))
        quotas.take(group, split)
        chosen |= {prompt.id: split for prompt in group}
    return tuple(replace(prompt, split=chosen[prompt.id]) for prompt in prompts)


class _Quotas:
    """How many prompts each split still lacks, by stratum, by kind and altogether."""

    def __init__(self, prompts: Iterable[Prompt], weights: Mapping[Split, float]) -> None:
        self._weights = weights
        self._totals = Counter(level for prompt in prompts for level in _levels(prompt))
        self._taken: Counter[tuple[_Level, Split]] = Counter()

    def neediest(self, group: Sequence[Prompt], *, tie_break: str) -> Split:
        """The split that lacks most where the group's members belong."""
        by_level = list(zip(*map(_levels, group), strict=True))

        def need(split: Split) -> tuple[list[float], str]:
            lacks = [sum(self._lack(level, split) for level in levels) for levels in by_level]
            # Rounded, so that equal lacks tie whatever the order in which floats were added.
            return [round(lack, 6) for lack in lacks], content_hash(tie_break, split)

        return max(self._weights, key=need)

    def take(self, group: Iterable[Prompt], split: Split) -> None:
        """Count a group as placed."""
        self._taken.update((level, split) for prompt in group for level in _levels(prompt))

    def _lack(self, level: _Level, split: Split) -> float:
        return self._totals[level] * self._weights[split] - self._taken[level, split]
