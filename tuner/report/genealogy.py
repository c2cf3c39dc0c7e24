"""Where a candidate comes from: its ancestors by generation, and what each one changed."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from proxy.policy.schema import Policy
from tuner.candidate import Candidate
from tuner.report.facts import Facts
from tuner.report.genes import Change, changes

Part = tuple[Literal["same", "gone", "new"], str]
"""A run of words and what became of it."""


@dataclass(frozen=True, slots=True)
class Ancestor:
    """A candidate in the tree.

    Args:
        candidate: it.
        generation: of its birth.
        lane: its place among those of its generation, centred on 0.
    """

    candidate: Candidate
    generation: int
    lane: float


@dataclass(frozen=True, slots=True)
class Descent:
    """One step down the main line.

    Args:
        child: what it arrives at.
        parent: the one of its parents that it resembles most; the baseline for a founder.
        is_inherited: False where the parent is only what a founder is held against.
        changed: genes in which they differ.
    """

    child: Candidate
    parent: Candidate
    is_inherited: bool
    changed: tuple[Change, ...]


def ancestors(facts: Facts, key: str) -> tuple[Ancestor, ...]:
    """The candidate, its parents, their parents and so on, youngest first."""
    found = {key}
    queue = [key]
    while queue:
        parents = facts.candidates[queue.pop()].origin.parents
        fresh = [parent for parent in parents if parent not in found]
        found.update(fresh)
        queue += fresh
    return tuple(_laid_out([facts.candidates[one] for one in found], facts.born))


def _laid_out(family: Sequence[Candidate], born: Mapping[str, int]) -> Iterator[Ancestor]:
    """By generation, each near the middle of its children, so that few lines cross."""
    lanes: dict[str, float] = {}
    for generation in sorted({born[one.key] for one in family}, reverse=True):
        mine = [one for one in family if born[one.key] == generation]
        wished = sorted((_middle(one.key, family, lanes), one.key, one) for one in mine)
        for place, (_, key, one) in enumerate(wished):
            lanes[key] = place - (len(mine) - 1) / 2
            yield Ancestor(one, generation, lanes[key])


def _middle(key: str, family: Sequence[Candidate], lanes: Mapping[str, float]) -> float:
    placed = [lanes[one.key] for one in family if key in one.origin.parents and one.key in lanes]
    return sum(placed) / len(placed) if placed else 0.0


def main_line(facts: Facts, key: str) -> tuple[Descent, ...]:
    """From a founder to the candidate, each time by the parent that it resembles most."""
    steps = []
    child = facts.candidates[key]
    while child.key != facts.baseline.key:
        parents = [facts.candidates[one] for one in child.origin.parents] or [facts.baseline]
        by_changes = [(changes(one.genome, child.genome, facts.space), one) for one in parents]
        changed, parent = min(by_changes, key=lambda pair: (len(pair[0]), pair[1].key))
        steps.append(Descent(child, parent, bool(child.origin.parents), changed))
        if not child.origin.parents:
            break
        child = parent
    return tuple(reversed(steps))


def prompt_diff(before: Policy, after: Policy) -> tuple[Part, ...]:
    """What is said to the model under both policies, word by word; empty if it is the same."""
    first, second = _said(before), _said(after)
    if first == second:
        return ()
    matcher = difflib.SequenceMatcher(None, first, second, autojunk=False)
    return tuple(_parts(matcher, first, second))


def _parts(
    matcher: difflib.SequenceMatcher[str], first: Sequence[str], second: Sequence[str]
) -> Iterator[Part]:
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            yield "same", "".join(first[a:b])
            continue
        if a < b:
            yield "gone", "".join(first[a:b])
        if c < d:
            yield "new", "".join(second[c:d])


def _said(policy: Policy) -> list[str]:
    """System prompt by words, then each turn of a demonstration as one piece."""
    prompt = "" if policy.system_prompt is None else policy.system_prompt.text
    pieces = [f"{word} " for word in prompt.split()]
    return pieces + [
        f"\nuser: {one.user}\nassistant: {one.assistant}\n" for one in policy.demonstrations
    ]
