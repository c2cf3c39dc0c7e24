"""Shared beginnings: a policy's system prompt and demonstrations are computed once and copied.

Every prefix has a sequence of its own. The least recently used one that no slot holds gives way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from proxy.engine.base import Memory
from proxy.engine.slots import Lane, Prefix


class Match(NamedTuple):
    """The prefix that shares most with a prompt, and how many tokens; (None, 0) for none."""

    prefix: Prefix | None
    n_tokens: int


class PrefixCache:
    """Computed beginnings of prompts.

    Args:
        memory: the KV cache.
        sequences: the sequence ids it may use, one for each prefix.
    """

    __slots__ = ("_free", "_memory", "_prefixes", "_tick")

    def __init__(self, memory: Memory, sequences: Sequence[int]) -> None:
        self._memory = memory
        self._free = list(reversed(sequences))
        self._prefixes: list[Prefix] = []
        self._tick = 0

    def __iter__(self) -> Iterator[Prefix]:
        return iter(self._prefixes)

    @property
    def n_cells(self) -> int:
        """Cells that the prefixes may hold; those that two of them share count twice."""
        return sum(len(prefix.lane.tokens) for prefix in self._prefixes)

    def find(self, prompt: Sequence[int]) -> Match:
        """The longest beginning of `prompt` that is cached or being computed.

        At least the prompt's last token is left out: its logits are needed.
        """
        best = Match(None, 0)
        for prefix in self._prefixes:
            n_tokens = self._usable(prefix, prompt)
            if n_tokens > best.n_tokens:
                best = Match(prefix, n_tokens)
        return best

    def _usable(self, prefix: Prefix, prompt: Sequence[int]) -> int:
        n_common = min(common_length(prefix.lane.tokens, prompt), len(prompt) - 1)
        is_whole = n_common == len(prefix.lane.tokens)
        return n_common if is_whole or self._memory.copies_partially else 0

    def touch(self, prefix: Prefix) -> None:
        """Note that a prefix was used."""
        self._tick += 1
        prefix.last_used = self._tick

    def has_room(self, *, keep: Prefix | None) -> bool:
        """Whether `add` can find a sequence without evicting `keep`."""
        return bool(self._free) or any(True for _ in self.evictable(keep=keep))

    def add(self, tokens: Sequence[int], *, parent: Match) -> Prefix:
        """A new prefix, to be computed from where its parent ends.

        Call only when `has_room`.

        Args:
            tokens: what it will hold.
            parent: a computed prefix whose first tokens are the same.
        """
        if not self._free:
            self.evict(next(self.evictable(keep=parent.prefix)))
        prefix = Prefix(Lane(self._free.pop(), list(tokens)))
        if parent.prefix is not None:
            self._memory.copy(parent.prefix.lane.sequence, prefix.lane.sequence, parent.n_tokens)
            prefix.lane.n_computed = parent.n_tokens
            self.touch(parent.prefix)
        self._prefixes.append(prefix)
        self.touch(prefix)
        return prefix

    def evictable(self, *, keep: Prefix | None) -> Iterator[Prefix]:
        """Prefixes that no slot holds, least recently used first, without `keep`."""
        unused = (p for p in self._prefixes if p.n_users == 0 and p is not keep)
        return iter(sorted(unused, key=lambda prefix: prefix.last_used))

    def evict(self, prefix: Prefix) -> None:
        """Forget a prefix that no slot holds."""
        self._prefixes.remove(prefix)
        self._memory.remove(prefix.lane.sequence)
        self._free.append(prefix.lane.sequence)

    def forget_all(self) -> None:
        """Start empty, after the KV cache was cleared."""
        self._free.extend(prefix.lane.sequence for prefix in self._prefixes)
        self._prefixes.clear()


def common_length(left: Sequence[int], right: Sequence[int]) -> int:
    """How many tokens two sequences share at their start."""
    n_compared = min(len(left), len(right))
    return next((n for n in range(n_compared) if left[n] != right[n]), n_compared)
