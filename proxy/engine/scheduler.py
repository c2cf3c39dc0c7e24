"""Who runs, in which sequence, and with which cells of the KV cache. Knows nothing of llama.cpp.

Invariants: the cells reserved never exceed the cache; a request waits only while others run; every
sequence that is not in use is empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from proxy.domain import Priority
from proxy.engine.admission import AdmissionQueue
from proxy.engine.base import Memory
from proxy.engine.batch import Batch, build_batch
from proxy.engine.prefixes import Match, PrefixCache
from proxy.engine.request import Request
from proxy.engine.slots import Lane, Phase, Prefix, Slot

MIN_SHARED_TOKENS = 16
"""A new prefix must save at least this much; below, the bookkeeping costs more than it saves."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes of one engine.

    Args:
        slots: requests that run together.
        prefixes: shared beginnings that are kept.
        n_cells: the KV cache's size in tokens, shared by everything.
        n_batch_tokens: prompt tokens of a step, all prompts together.
        n_prompt_tokens: tokens of each prompt in a step beside running answers. A prompt's token
            costs about as much as an answer's, so a long prompt slows 16 answers to a third, while
            a burst of short ones gets in at once.
    """

    slots: int
    prefixes: int
    n_cells: int
    n_batch_tokens: int = 512
    n_prompt_tokens: int = 32

    @property
    def n_background_slots(self) -> int:
        """One slot is kept for users, so that none of them waits for a probe to end."""
        return max(1, self.slots - 1)

    @property
    def n_max_batch_tokens(self) -> int:
        """The largest batch that can come."""
        return self.slots + self.n_batch_tokens


class _Plan(NamedTuple):
    """One way to place a request: what it shares, what others may share then, and its cells."""

    match: Match
    n_new_prefix: int
    n_cells: int


class Scheduler:
    """The engine's state and its transitions.

    Args:
        memory: the KV cache.
        limits: see :class:`Limits`. Sequences 0 to ``slots - 1`` are the slots', those after them
            the prefixes'.
    """

    __slots__ = ("_free", "_limits", "_memory", "prefixes", "queue", "slots")

    def __init__(self, memory: Memory, limits: Limits) -> None:
        self._memory = memory
        self._limits = limits
        self._free = list(reversed(range(limits.slots)))
        self.queue = AdmissionQueue()
        self.slots: list[Slot] = []
        self.prefixes = PrefixCache(memory, range(limits.slots, limits.slots + limits.prefixes))

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs and nobody waits; prefixes may still be unfinished."""
        return not self.slots and not len(self.queue)

    @property
    def n_cells_reserved(self) -> int:
        """Cells that may be needed before anything ends; never more than there are."""
        return sum(slot.n_cells for slot in self.slots) + self.prefixes.n_cells

    def admit(self) -> list[Slot]:
        """Give free slots to those who wait, in order; returns the new slots.

        A request enters only if its prompt and its longest answer fit beside everybody else's, so
        that a running answer never has to stop for want of room.
        """
        admitted = []
        while (request := self.queue.peek()) is not None and self._has_slot_for(request):
            slot = self._place(request)
            if slot is None:
                break
            self.queue.pop()
            admitted.append(slot)
        self._attach_to_ready_prefixes()
        return admitted

    def build_batch(self) -> Batch:
        """The next step's work; empty when there is none."""
        is_answering = any(slot.phase is Phase.DECODING for slot in self.slots)
        limits = self._limits
        return build_batch(
            self.slots,
            self.prefixes,
            n_prompt_tokens=limits.n_prompt_tokens if is_answering else limits.n_batch_tokens,
            n_prefill_tokens=limits.n_batch_tokens,
        )

    def computed(self, batch: Batch) -> None:
        """Note that the model has computed a batch."""
        batch.advance()
        for slot, _ in batch.sampled:
            slot.phase = Phase.DECODING

    def retire(self, slot: Slot) -> None:
        """Free a slot, its sequence and its cells, in whatever phase it is."""
        self.slots.remove(slot)
        self._memory.remove(slot.lane.sequence)
        self._free.append(slot.lane.sequence)
        if slot.prefix is not None:
            slot.prefix.n_users -= 1

    def find(self, request_id: int) -> Slot | None:
        """The slot that runs a request, if it runs."""
        return next((slot for slot in self.slots if slot.request.id == request_id), None)

    def forget_running(self) -> list[Slot]:
        """Start empty, after the KV cache was cleared; returns the slots that were running."""
        lost, self.slots = self.slots, []
        self._free.extend(slot.lane.sequence for slot in lost)
        self.prefixes.forget_all()
        return lost

    def _has_slot_for(self, request: Request) -> bool:
        is_user = request.priority is Priority.USER
        return bool(self._free) if is_user else len(self.slots) < self._limits.n_background_slots

    def _place(self, request: Request) -> Slot | None:
        for plan in self._plans(request):
            if self._make_room(plan.n_cells, keep=plan.match.prefix):
                return self._take_slot(request, plan)
        return None

    def _plans(self, request: Request) -> Iterator[_Plan]:
        """Ways to place a request, the best first; the last one always fits into an idle engine."""
        n_total = len(request.prompt) + request.max_tokens
        match = self.prefixes.find(request.prompt)
        if self._is_worth_sharing(request, match):
            yield _Plan(match, request.n_shared, n_total)
        if match.prefix is not None:
            yield _Plan(match, 0, n_total - match.n_tokens)
        yield _Plan(Match(None, 0), 0, n_total)

    def _is_worth_sharing(self, request: Request, match: Match) -> bool:
        is_gain = request.n_shared - match.n_tokens >= MIN_SHARED_TOKENS
        can_grow = match.prefix is None or match.prefix.is_ready
        return is_gain and can_grow and self.prefixes.has_room(keep=match.prefix)

    def _make_room(self, n_cells: int, *, keep: Prefix | None) -> bool:
        """Evict prefixes until `n_cells` are free; evicts nothing where that would not suffice."""
        missing = n_cells - (self._limits.n_cells - self.n_cells_reserved)
        victims = []
        for prefix in self.prefixes.evictable(keep=keep):
            if missing <= 0:
                break
            victims.append(prefix)
            missing -= len(prefix.lane.tokens)
        if missing > 0:
            return False
        for prefix in victims:
            self.prefixes.evict(prefix)
        return True

    def _take_slot(self, request: Request, plan: _Plan) -> Slot:
        prefix, n_prefix = plan.match
        n_cached = n_prefix
        if plan.n_new_prefix:
            n_prefix = plan.n_new_prefix
            prefix = self.prefixes.add(request.prompt[:n_prefix], parent=plan.match)
        slot = Slot(
            request,
            Lane(self._free.pop(), list(request.prompt)),
            n_cells=len(request.prompt) + request.max_tokens - n_prefix,
            prefix=prefix,
            n_prefix=n_prefix,
            n_cached=n_cached,
        )
        if prefix is not None:
            prefix.n_users += 1
            self.prefixes.touch(prefix)
        self.slots.append(slot)
        return slot

    def _attach_to_ready_prefixes(self) -> None:
        for slot in self.slots:
            if slot.phase is not Phase.WAITING:
                continue
            if slot.prefix is None:
                slot.phase = Phase.PREFILLING
            elif slot.prefix.is_ready:
                self._memory.copy(slot.prefix.lane.sequence, slot.lane.sequence, slot.n_prefix)
                slot.lane.n_computed = slot.n_prefix
                slot.phase = Phase.PREFILLING
