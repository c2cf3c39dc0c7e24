"""Beginnings that stay in the KV cache: what many prompts share, and turns that may go on.

A policy's system prompt and demonstrations are a *shared* prefix. They are computed once, in a
sequence of their own, and every prompt copies them. A finished answer leaves a *turn*: its sequence
as it stands, which the conversation's next prompt copies. Copies share cells, and nothing is ever
cut: what a prompt does not use of a turn goes when the turn goes.

What no slot holds gives way when room is needed: turns first, because a turn serves one client and
a prefix all of them, and the least recently used first. It also goes once keeping it has cost as
much as computing it again would.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from proxy.engine.base import Memory
from proxy.engine.slots import Lane, Prefix, Slot

MIN_SHARED_TOKENS = 16
"""What is kept must save at least this much; below, the bookkeeping costs more than it saves."""

MAX_IDLE_TOKENS = 3_000
"""Answer tokens after which an idle cell has cost what computing its token would.

Attention walks over every cell in use, whosever it is: an answer's token costs 0.0011 ms of CPU
time for each cell that it does not read, a prompt's token 3.3 ms (SmolLM2-135M in F16, 16 answers).
"""


class Match(NamedTuple):
    """The prefix that shares most with a prompt, and how many tokens; (None, 0) for none."""

    prefix: Prefix | None
    n_tokens: int


@dataclass(frozen=True, slots=True)
class KeptLimits:
    """How much stays for later.

    Args:
        n_shared: shared prefixes.
        n_turns: finished turns.
        n_turn_cells: cells of all turns together; a single one may exceed it.
    """

    n_shared: int
    n_turns: int = 0
    n_turn_cells: int = 0


class PrefixCache:
    """Computed beginnings of prompts.

    Args:
        memory: the KV cache.
        free: ids of unused sequences; the scheduler takes from them and returns to them, too.
        limits: how much is kept.
    """

    __slots__ = ("_free", "_limits", "_memory", "_n_answer_tokens", "_tick", "shared", "turns")

    def __init__(self, memory: Memory, free: list[int], limits: KeptLimits) -> None:
        self._memory = memory
        self._free = free
        self._limits = limits
        self._tick = 0
        self._n_answer_tokens = 0
        self.shared: list[Prefix] = []
        self.turns: list[Prefix] = []

    def __iter__(self) -> Iterator[Prefix]:
        """Turns, then shared prefixes: the order in which they give way."""
        return chain(self.turns, self.shared)

    @property
    def n_cells(self) -> int:
        """Cells that all of them may hold."""
        return sum(prefix.n_cells for prefix in self)

    @property
    def _n_turn_cells(self) -> int:
        return sum(turn.n_cells for turn in self.turns)

    def find(self, prompt: Sequence[int]) -> Match:
        """The best beginning of `prompt` that is cached or being computed.

        At least the prompt's last token is left out: its logits are needed. A turn has to be worth
        it, or questions that begin alike by chance would keep each other's cells.
        """
        shared = self._longest(self.shared, prompt)
        turn = self._longest(self.turns, prompt)
        return turn if turn.n_tokens >= shared.n_tokens + MIN_SHARED_TOKENS else shared

    @contextmanager
    def held(self, prefix: Prefix | None) -> Iterator[None]:
        """Hold a prefix, if there is one, for a while."""
        if prefix is not None:
            self.hold(prefix)
        yield
        if prefix is not None:
            self.release(prefix)

    def hold(self, prefix: Prefix) -> None:
        """Note that a slot uses a prefix, so that it and its parent stay."""
        for held in prefix.line:
            held.n_users += 1
            self._touch(held)

    def release(self, prefix: Prefix) -> None:
        """Note that a slot has let go of it; the last one takes the wish for the rest along."""
        for held in prefix.line:
            held.n_users -= 1
            self._touch(held)
        if not prefix.n_users and not prefix.is_ready:
            self._cut(prefix)

    def can_share(self, *, parent: Prefix | None) -> bool:
        """Whether `share` can find a place without evicting `parent`."""
        is_full = len(self.shared) >= self._limits.n_shared
        others = [prefix for prefix in self.shared if parent is None or prefix not in parent.line]
        return not is_full or _oldest_idle(others) is not None

    def share(self, tokens: Sequence[int], *, parent: Match) -> Prefix:
        """A new shared prefix, to be computed from where its parent ends.

        Call only when `can_share`.

        Args:
            tokens: what it will hold.
            parent: a computed prefix or turn, held, whose first tokens are the same.
        """
        if len(self.shared) >= self._limits.n_shared:
            self._evict_oldest(self.shared)
        prefix = Prefix(Lane(self._free.pop(), list(tokens)))
        if parent.prefix is not None:
            self._memory.copy(parent.prefix.lane.sequence, prefix.lane.sequence, parent.n_tokens)
            prefix.lane.n_computed = parent.n_tokens
        self.shared.append(prefix)
        self._touch(prefix)
        return prefix

    def keep(self, slot: Slot) -> bool:
        """Keep what a slot has computed as a turn, and its sequence; False if it is not worth it.

        It takes the place of the turn it grew from, so it never needs more cells than the two had.

        Args:
            slot: it has released its prefix.
        """
        base, n_inherited = slot.prefix, slot.n_prefix
        if base is not None and base in self.turns:
            if base.n_users:
                return False
            self.evict(base)
            n_inherited, base = base.n_inherited, base.parent
        lane = Lane(slot.lane.sequence, slot.lane.tokens[: slot.lane.n_computed])
        lane.n_computed = slot.lane.n_computed
        turn = Prefix(lane, parent=base, n_inherited=n_inherited)
        if turn.n_cells < MIN_SHARED_TOKENS or not self._make_place(turn):
            return False
        self.turns.append(turn)
        self._touch(turn)
        return True

    def give_way(self) -> bool:
        """Evict the first that no slot holds; False if there is none."""
        return self._evict_oldest(self.turns) or self._evict_oldest(self.shared)

    def passed(self, n_answer_tokens: int) -> None:
        """Note a step of running answers; what has been idle for too many of them goes."""
        self._n_answer_tokens += n_answer_tokens
        earliest = self._n_answer_tokens - MAX_IDLE_TOKENS
        for prefix in [one for one in self if not one.n_users and one.idle_since < earliest]:
            if prefix in self.shared or prefix in self.turns:  # else it went with its parent
                self.evict(prefix)

    def n_reclaimable(self, *, leaving: Iterable[Slot]) -> int:
        """Cells that `give_way` could free, all told, once some slots have left."""
        gone = Counter(held for slot in leaving if slot.prefix for held in slot.prefix.line)
        return sum(prefix.n_cells for prefix in self if prefix.n_users == gone[prefix])

    def evict(self, prefix: Prefix) -> None:
        """Forget a prefix that no slot holds, and the turns that grew from it."""
        for turn in [turn for turn in self.turns if prefix in turn.line]:
            self.turns.remove(turn)
            self._free_sequence(turn)
        if prefix in self.shared:
            self.shared.remove(prefix)
            self._free_sequence(prefix)

    def forget_all(self) -> None:
        """Start empty, after the KV cache was cleared."""
        self._free.extend(prefix.lane.sequence for prefix in self)
        self.shared.clear()
        self.turns.clear()

    def _cut(self, prefix: Prefix) -> None:
        """Keep what is computed of a prefix that nobody waits for any more.

        The same prompt goes on from there when it comes again, and nobody whose prompt merely
        begins alike waits for the rest.
        """
        del prefix.lane.tokens[prefix.lane.n_computed :]
        if prefix.lane.n_computed < MIN_SHARED_TOKENS:
            self.evict(prefix)

    def _longest(self, prefixes: Iterable[Prefix], prompt: Sequence[int]) -> Match:
        best = Match(None, 0)
        for prefix in prefixes:
            n_tokens = self._usable(prefix, prompt)
            if n_tokens > best.n_tokens:
                best = Match(prefix, n_tokens)
        return best

    def _usable(self, prefix: Prefix, prompt: Sequence[int]) -> int:
        n_common = min(common_length(prefix.lane.tokens, prompt), len(prompt) - 1)
        is_whole = n_common == len(prefix.lane.tokens)
        return n_common if is_whole or self._memory.copies_partially else 0

    def _make_place(self, turn: Prefix) -> bool:
        """Evict idle turns until this one is within the limits; False if too many are in use."""
        limits = self._limits
        while len(self.turns) >= limits.n_turns or (
            self._n_turn_cells + turn.n_cells > limits.n_turn_cells
        ):
            if not self._evict_oldest(self.turns):
                break
        return len(self.turns) < limits.n_turns

    def _evict_oldest(self, prefixes: Iterable[Prefix]) -> bool:
        oldest = _oldest_idle(prefixes)
        if oldest is not None:
            self.evict(oldest)
        return oldest is not None

    def _touch(self, prefix: Prefix) -> None:
        self._tick += 1
        prefix.last_used = self._tick
        prefix.idle_since = self._n_answer_tokens

    def _free_sequence(self, prefix: Prefix) -> None:
        self._memory.remove(prefix.lane.sequence)
        self._free.append(prefix.lane.sequence)


def _oldest_idle(prefixes: Iterable[Prefix]) -> Prefix | None:
    idle = (prefix for prefix in prefixes if prefix.n_users == 0)
    return min(idle, key=lambda prefix: prefix.last_used, default=None)


def common_length(left: Sequence[int], right: Sequence[int]) -> int:
    """How many tokens two sequences share at their start.

    Halves the range instead of walking it: lists compare in C, and each waiting prompt is compared
    with everything that is kept.
    """
    low, high = 0, min(len(left), len(right))
    left, right = list(left[:high]), list(right[:high])
    while low < high:
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
