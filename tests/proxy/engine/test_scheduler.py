from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from proxy.domain import Priority
from proxy.engine.request import Request
from proxy.engine.scheduler import Limits, Scheduler
from proxy.engine.slots import Phase, Slot
from tests.proxy.engine.fake_runtime import FakeMemory

SHARED = tuple(range(100, 120))


def request(id_: int, prompt: tuple[int, ...] = (1, 2, 3), **fields: int) -> Request:
    """A request with small defaults."""
    return Request(
        id=id_,
        prompt=prompt,
        max_tokens=fields.get("max_tokens", 4),
        n_shared=fields.get("n_shared", 0),
        priority=Priority(fields.get("priority", 0)),
    )


class Rig:
    """A scheduler and its memory, stepped without a model."""

    def __init__(self, *, partially: bool = True, **limits: int) -> None:
        defaults = {"slots": 2, "prefixes": 2, "n_cells": 200, "n_batch_tokens": 64}
        self.limits = Limits(**{**defaults, **limits})
        self.memory = FakeMemory(self.limits.n_cells, copies_partially=partially)
        self.scheduler = Scheduler(self.memory, self.limits)

    def add(self, *requests: Request) -> None:
        """Put requests into the queue."""
        for one in requests:
            self.scheduler.queue.add(one)

    def step(self) -> list[Slot]:
        """One step; every sampled slot gets a token, and is retired when it has all."""
        scheduler = self.scheduler
        scheduler.admit()
        batch = scheduler.build_batch()
        for lane, n_tokens in batch.chunks:
            self.memory.extend(lane.sequence, lane.n_computed, n_tokens)
        scheduler.computed(batch)
        for slot, _ in batch.sampled:
            if slot.accept(0, b"", is_end=False).finish_reason:
                scheduler.retire(slot)
        return [slot for slot, _ in batch.sampled]

    def running(self) -> list[int]:
        """Ids of the requests in slots."""
        return [slot.request.id for slot in self.scheduler.slots]


def test_requests_beyond_the_slots_wait_their_turn() -> None:
    """The third enters when one of the first two has ended."""
    rig = Rig()
    rig.add(request(1, max_tokens=1), request(2, max_tokens=3), request(3))
    rig.step()
    assert rig.running() == [2]
    rig.step()
    assert rig.running() == [2, 3]


def test_request_waits_until_its_longest_answer_fits() -> None:
    """Cells are reserved for the whole answer, so that a running one never starves."""
    rig = Rig(n_cells=20)
    rig.add(request(1, max_tokens=10), request(2, max_tokens=10))
    rig.step()
    assert rig.running() == [1]
    while 1 in rig.running():
        rig.step()
    rig.step()
    assert rig.running() == [2]


def test_small_request_does_not_overtake_a_large_one() -> None:
    """Otherwise the large one might wait for ever."""
    rig = Rig(n_cells=20, slots=3)
    rig.add(request(1, max_tokens=10), request(2, max_tokens=10), request(3, max_tokens=1))
    rig.step()
    assert rig.running() == [1]


def test_users_enter_before_background_requests() -> None:
    """A probe that came first still waits."""
    rig = Rig(slots=1)
    rig.add(request(1, priority=Priority.BACKGROUND), request(2))
    rig.scheduler.admit()
    assert rig.running() == [2]


def test_one_slot_is_kept_for_users() -> None:
    """Probes never take the last one, so that a user enters at once."""
    rig = Rig(slots=3)
    rig.add(*(request(i, priority=Priority.BACKGROUND) for i in range(1, 5)))
    rig.step()
    assert rig.running() == [1, 2]
    rig.add(request(9))
    rig.step()
    assert rig.running() == [1, 2, 9]


def test_shared_beginning_is_computed_once() -> None:
    """Three requests with the same system prompt: 20 shared tokens go through the model once."""
    rig = Rig(slots=3)
    rig.add(*(request(i, (*SHARED, i, i), n_shared=20) for i in range(3)))
    rig.step()
    assert {slot.phase for slot in rig.scheduler.slots} == {Phase.WAITING}
    rig.step()
    assert rig.memory.n_used == 20 + 3 * 2
    assert [slot.n_cached for slot in rig.scheduler.slots] == [0, 20, 20]


def test_longer_shared_beginning_grows_from_a_shorter_one() -> None:
    """Demonstrations after the same system prompt: only they are new."""
    rig = Rig()
    rig.add(request(1, (*SHARED, 1), n_shared=20, max_tokens=1))
    while rig.running() or len(rig.scheduler.queue):
        rig.step()
    rig.add(request(2, (*SHARED, *range(30), 2), n_shared=50))
    rig.scheduler.admit()
    assert rig.scheduler.build_batch().n_prefill == 30
    assert rig.scheduler.slots[0].n_cached == 20


def test_short_beginning_gets_no_sequence_of_its_own() -> None:
    """A few tokens are not worth the bookkeeping."""
    rig = Rig()
    rig.add(request(1, (1, 2, 3, 4), n_shared=3))
    rig.step()
    assert list(rig.scheduler.prefixes) == []


def test_idle_prefix_gives_way_to_a_request_that_needs_its_cells() -> None:
    """A cache is never a reason to wait while nothing runs."""
    rig = Rig(n_cells=40)
    rig.add(request(1, (*SHARED, 1), n_shared=20, max_tokens=1))
    while not rig.scheduler.is_idle:
        rig.step()
    assert rig.memory.n_used == 20
    rig.add(request(2, (*range(30),), max_tokens=10))
    rig.step()
    assert rig.running() == [2]
    assert list(rig.scheduler.prefixes) == []


def test_retired_slot_leaves_only_the_prefix_behind() -> None:
    """Cancelled while it waits for its prefix, which is finished all the same."""
    rig = Rig()
    rig.add(request(1, (*SHARED, 1), n_shared=20))
    rig.scheduler.admit()
    slot = rig.scheduler.find(1)
    assert slot is not None
    rig.scheduler.retire(slot)
    assert rig.scheduler.find(1) is None
    assert rig.scheduler.build_batch().n_prefill == 20


def test_prefill_is_limited_beside_running_answers_only() -> None:
    """Alone a prompt gets the whole batch; beside answers a small share of it."""
    rig = Rig(n_batch_tokens=100, n_prompt_tokens=8)
    rig.add(request(1, max_tokens=50))
    rig.step()
    rig.add(request(2, (*range(60),)))
    rig.scheduler.admit()
    assert rig.scheduler.build_batch().n_prefill == 8


def test_everything_is_free_after_forgetting() -> None:
    """The memory was cleared after a failed decode; new requests run."""
    rig = Rig()
    rig.add(request(1, (*SHARED, 1), n_shared=20))
    rig.step()
    rig.memory.held.clear()
    assert [slot.request.id for slot in rig.scheduler.forget_running()] == [1]
    assert rig.scheduler.n_cells_reserved == 0
    rig.add(request(2), request(3))
    rig.step()
    assert rig.running() == [2, 3]


class AnyOrder(RuleBasedStateMachine):
    """Whatever comes in whatever order: no cell is over-reserved, nobody waits for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig(slots=3, n_cells=60, n_batch_tokens=16, n_prompt_tokens=4)
        self.next_id = 0

    @rule(
        common=st.integers(0, 20), own=st.integers(1, 15), max_tokens=st.integers(1, 25),
        priority=st.sampled_from(Priority),
    )  # fmt: skip
    def submit(self, common: int, own: int, max_tokens: int, priority: Priority) -> None:
        """A prompt that shares some of its beginning with others."""
        self.next_id += 1
        prompt = (*SHARED[:common], *([self.next_id] * own))
        shared = min(common, len(prompt) - 1)
        self.rig.add(
            request(self.next_id, prompt, max_tokens=max_tokens, n_shared=shared, priority=priority)
        )

    @rule()
    def step(self) -> None:
        """One step."""
        self.rig.step()

    @precondition(lambda self: self.rig.scheduler.slots)
    @rule(index=st.integers(0, 2))
    def cancel(self, index: int) -> None:
        """A client leaves."""
        slots = self.rig.scheduler.slots
        self.rig.scheduler.retire(slots[index % len(slots)])

    @invariant()
    def cells_in_use_were_reserved(self) -> None:
        """And what is reserved exists."""
        rig = self.rig
        assert rig.memory.n_used <= rig.scheduler.n_cells_reserved <= rig.limits.n_cells

    @invariant()
    def users_of_prefixes_are_counted(self) -> None:
        """A prefix has as many users as slots that share it."""
        scheduler = self.rig.scheduler
        for prefix in scheduler.prefixes:
            assert prefix.n_users == sum(slot.prefix is prefix for slot in scheduler.slots)

    def teardown(self) -> None:
        """In the end everything is served, and only idle prefixes hold cells."""
        for _ in range(2000):
            if self.rig.scheduler.is_idle:
                break
            self.rig.step()
        assert self.rig.scheduler.is_idle
        prefixes = {prefix.lane.sequence for prefix in self.rig.scheduler.prefixes}
        assert set(self.rig.memory.held) <= prefixes


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
