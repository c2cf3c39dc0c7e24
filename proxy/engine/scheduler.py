"""Who runs, in which sequence, and with which cells of the KV cache. Knows nothing of llama.cpp.

A request enters with room for its prompt and the beginning of an answer, and reserves more as it
grows. When there is none, kept prefixes give way, then the youngest requests: they are paused, and
go on later from the tokens they had, which are computed again. Order is by priority, then first
come first served; nobody is overtaken by a smaller request, so the eldest always gets through.

Invariants: the cells reserved never exceed the cache; a request waits only while others run; every
sequence that is not in use is empty.
"""

from __future__ import annotations

from dataclasses import dataclass

from proxy.domain import Priority
from proxy.engine.admission import AdmissionQueue
from proxy.engine.base import Memory
from proxy.engine.batch import Batch, build_batch
from proxy.engine.plans import Plan, Wish, plans
from proxy.engine.prefixes import KeptLimits, PrefixCache
from proxy.engine.request import Request
from proxy.engine.slots import Lane, Phase, Prefix, Slot

_NOWHERE = -1
"""The sequence of a paused request."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes of one engine.

    Args:
        slots: requests that run together.
        prefixes: shared beginnings that are kept.
        n_cells: the KV cache's size in tokens, shared by everything.
        n_batch_tokens: prompt tokens of a step, all prompts together.
        n_prompt_tokens: tokens of each prompt in a step beside users' answers, at its beginning;
            `batch` gives fewer later on. So a long prompt slows 8 answers to a half or less, while
            a burst of short ones gets in at once.
        turns: finished turns that are kept, for the conversation to go on from.
        n_answer_cells: cells reserved for an answer at a time. Most answers are far shorter than
            they may be; reserving for the longest would leave slots empty.
    """

    slots: int
    prefixes: int
    n_cells: int
    n_batch_tokens: int = 512
    n_prompt_tokens: int = 24
    turns: int = 0
    n_answer_cells: int = 128

    @property
    def n_sequences(self) -> int:
        """Sequences that may exist at once."""
        return self.slots + self.prefixes + self.turns

    @property
    def n_background_slots(self) -> int:
        """One slot is kept for users, so that none of them waits for a probe to make room."""
        return max(1, self.slots - 1)

    @property
    def n_max_batch_tokens(self) -> int:
        """The largest batch that can come."""
        return self.slots + self.n_batch_tokens

    @property
    def kept(self) -> KeptLimits:
        """Turns get a quarter of the cells.

        Cells that nobody reads still lie in the range that attention walks: 2,000 of them cost a
        step of 16 answers a quarter of its speed, which `prefixes` weighs against computing anew.
        """
        return KeptLimits(self.prefixes, self.turns, self.n_cells // 4)


class Scheduler:
    """The engine's state and its transitions.

    Args:
        memory: the KV cache; sequences from 0 to ``n_sequences - 1`` are used.
        limits: see :class:`Limits`.
    """

    __slots__ = ("_free", "_limits", "_memory", "n_pauses", "paused", "prefixes", "queue", "slots")

    def __init__(self, memory: Memory, limits: Limits) -> None:
        self._memory = memory
        self._limits = limits
        self._free = list(reversed(range(limits.n_sequences)))
        self.queue = AdmissionQueue()
        self.slots: list[Slot] = []
        self.paused: dict[int, Slot] = {}
        self.n_pauses = 0
        self.prefixes = PrefixCache(memory, self._free, limits.kept)

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs and nobody waits; prefixes stay."""
        return not self.slots and not len(self.queue)

    @property
    def n_cells_reserved(self) -> int:
        """Cells that may be in use before anything is reserved anew; never more than there are."""
        return sum(slot.n_cells for slot in self.slots) + self.prefixes.n_cells

    @property
    def _n_free_cells(self) -> int:
        return self._limits.n_cells - self.n_cells_reserved

    def admit(self) -> list[Slot]:
        """Let running answers grow, then give free slots to those who wait, in order.

        Returns:
            The slots that have come, those that were paused before included.
        """
        self._grow()
        admitted = []
        while (request := self.queue.peek()) is not None:
            slot = self._place(request)
            if slot is None:
                break
            self.queue.pop()
            admitted.append(slot)
        self._attach_to_ready_prefixes()
        return admitted

    def build_batch(self) -> Batch:
        """The next step's work, to be computed at once; empty when there is none."""
        batch = build_batch(
            self.slots,
            self.prefixes.shared,
            n_prompt_tokens=self._limits.n_prompt_tokens,
            n_prefill_tokens=self._limits.n_batch_tokens,
        )
        if not batch.is_watched and self._memory.copies_partially:
            self._go_on_with(batch)
        return batch

    def computed(self, batch: Batch) -> None:
        """Note that the model has computed a batch."""
        batch.advance()
        for slot, _ in batch.sampled:
            slot.phase = Phase.DECODING
        self.prefixes.passed(len(batch.sampled))

    def finish(self, slot: Slot) -> None:
        """Free a slot whose answer is complete, and keep a user's turn while there is room.

        Probes ask one question each, so what they leave would be kept in vain.
        """
        self._leave(slot, keep=slot.request.priority is Priority.USER)

    def retire(self, slot: Slot) -> None:
        """Free a slot, its sequence and its cells, in whatever phase it is; paused ones too."""
        if self.paused.pop(slot.request.id, None) is None:
            self._leave(slot, keep=False)

    def find(self, request_id: int) -> Slot | None:
        """The slot that a request has or had before it was paused; None if it has not come yet."""
        running = (slot for slot in self.slots if slot.request.id == request_id)
        return next(running, self.paused.get(request_id))

    def forget_running(self) -> list[Slot]:
        """Start empty, after the KV cache was cleared; returns the slots that were running."""
        lost, self.slots = self.slots, []
        self._free.extend(slot.lane.sequence for slot in lost)
        self.prefixes.forget_all()
        return lost

    def _place(self, request: Request) -> Slot | None:
        juniors = self._juniors(request)
        n_most = self._limits.slots
        if request.priority is not Priority.USER:
            n_most = self._limits.n_background_slots
        if len(self.slots) - len(juniors) >= n_most:
            return None
        for plan in plans(self._wish(request), self.prefixes):
            with self.prefixes.held(plan.match.prefix):
                if self._make_room(plan.n_cells, juniors):
                    while len(self.slots) >= n_most:
                        self._pause(juniors.pop())
                    return self._take_slot(request, plan)
        return None

    def _juniors(self, request: Request) -> list[Slot]:
        """Running slots that give way to a request that waits: of lower priority, youngest last."""
        return [slot for slot in self._by_rank() if slot.request.priority > request.priority]

    def _by_rank(self) -> list[Slot]:
        return sorted(self.slots, key=lambda slot: (slot.request.priority, slot.request.id))

    def _wish(self, request: Request) -> Wish:
        """What was paused once comes back with room for all of its answer, so as to stay."""
        n_longest = len(request.prompt) + request.max_tokens
        paused = self.paused.get(request.id)
        if paused is not None:
            return Wish(paused.lane.tokens, 0, n_longest)
        n_first = len(request.prompt) + self._limits.n_answer_cells
        return Wish(request.prompt, request.n_shared, min(n_first, n_longest))

    def _make_room(self, n_cells: int, juniors: list[Slot]) -> bool:
        """Free that many cells; gives up nothing where that would not suffice.

        Args:
            n_cells: how many have to be free.
            juniors: who may be paused for it, the last one first; those are taken out.
        """
        n_possible = self._n_free_cells + sum(slot.n_cells for slot in juniors)
        if n_cells > n_possible + self.prefixes.n_reclaimable(leaving=juniors):
            return False
        while self._n_free_cells < n_cells:
            if not self.prefixes.give_way():
                self._pause(juniors.pop())
        return True

    def _grow(self) -> None:
        """Reserve what running answers need next, the eldest's before the youngest's."""
        for slot in self._by_rank():
            if slot.n_cells_short <= 0 or slot not in self.slots:
                continue
            n_more = min(self._limits.n_answer_cells, slot.n_cells_to_come)
            ranks = self._by_rank()
            juniors = ranks[ranks.index(slot) + 1 :]
            if self._make_room(n_more, juniors):
                slot.n_cells += n_more
            else:
                self._pause(slot)

    def _pause(self, slot: Slot) -> None:
        """Free a slot that will go on later; what it has computed stays while there is room."""
        self._leave(slot, keep=True)
        slot.lane = Lane(_NOWHERE, slot.lane.tokens)
        slot.phase = Phase.WAITING
        self.paused[slot.request.id] = slot
        self.queue.put_back(slot.request)
        self.n_pauses += 1

    def _leave(self, slot: Slot, *, keep: bool) -> None:
        self.slots.remove(slot)
        if slot.prefix is not None:
            self.prefixes.release(slot.prefix)
        if not (keep and self.prefixes.keep(slot)):
            self._memory.remove(slot.lane.sequence)
            self._free.append(slot.lane.sequence)

    def _take_slot(self, request: Request, plan: Plan) -> Slot:
        slot = self.paused.pop(request.id, None)
        if slot is None:
            slot = Slot(request, Lane(_NOWHERE, list(request.prompt)), n_cells=0)
            slot.n_cached = plan.match.n_tokens
        slot.prefix, slot.n_prefix = plan.match.prefix, plan.n_prefix
        if plan.n_new_prefix:
            slot.prefix = self.prefixes.share(request.prompt[: plan.n_prefix], parent=plan.match)
        slot.lane.sequence = self._free.pop()
        slot.n_cells = plan.n_cells - plan.n_new_prefix
        if slot.prefix is not None:
            self.prefixes.hold(slot.prefix)
        self.slots.append(slot)
        return slot

    def _attach_to_ready_prefixes(self) -> None:
        for slot in self.slots:
            if slot.phase is not Phase.WAITING:
                continue
            if slot.prefix is None:
                slot.phase = Phase.PREFILLING
            elif slot.prefix.is_ready:
                self._attach(slot, slot.prefix, n_copied=slot.n_prefix)

    def _go_on_with(self, batch: Batch) -> None:
        """Let slots go on in the very step that completes their prefix, as far as there is room.

        A step of 22 tokens takes a quarter as long as one of 150 (SmolLM2-135M on two cores), so
        that a prompt in two steps would be late by a fifth.
        """
        room = self._limits.n_batch_tokens - batch.n_prefill
        for slot in self._by_rank():
            prefix = slot.prefix
            if room <= 0 or slot.phase is not Phase.WAITING or prefix is None:
                continue
            if batch.completes(prefix.lane) and slot.n_prefix == len(prefix.lane.tokens):
                batch.share(prefix.lane, slot.lane.sequence)
                self._attach(slot, prefix, n_copied=prefix.lane.n_computed)
                room -= batch.add(slot.lane, room=room, slot=slot)

    def _attach(self, slot: Slot, prefix: Prefix, *, n_copied: int) -> None:
        """Let a slot go on where its prefix ends; cells that are not copied come with the step."""
        if n_copied:
            self._memory.copy(prefix.lane.sequence, slot.lane.sequence, n_copied)
        slot.lane.n_computed = slot.n_prefix
        slot.phase = Phase.PREFILLING
