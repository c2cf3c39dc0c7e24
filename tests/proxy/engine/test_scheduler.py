from __future__ import annotations

from collections.abc import Sequence

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from proxy.domain import Priority
from proxy.engine.batch import MIN_CHUNK_TOKENS
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


def next_token(tokens: Sequence[int]) -> int:
    """What the model says after these tokens: it depends on all of them."""
    return hash(tuple(tokens)) % 1000


def whole_answer(asked: Request) -> list[int]:
    """What the model says to a request that runs alone."""
    tokens = list(asked.prompt)
    for _ in range(asked.max_tokens):
        tokens.append(next_token(tokens))
    return tokens[len(asked.prompt) :]


class Rig:
    """A scheduler and its memory, stepped without a model."""

    def __init__(self, *, partially: bool = True, **limits: int) -> None:
        defaults = {"slots": 2, "prefixes": 2, "n_cells": 200, "n_batch_tokens": 64}
        self.limits = Limits(**{**defaults, **limits})
        self.memory = FakeMemory(self.limits.n_cells, copies_partially=partially)
        self.scheduler = Scheduler(self.memory, self.limits)
        self.answers: list[tuple[int, list[int]]] = []

    def add(self, *requests: Request) -> None:
        """Put requests into the queue."""
        for one in requests:
            self.scheduler.queue.add(one)

    def step(self) -> list[Slot]:
        """One step; every sampled slot gets a token, and has finished when it has all."""
        scheduler = self.scheduler
        scheduler.admit()
        batch = scheduler.build_batch()
        for lane, n_tokens, sharers in batch.chunks:
            self.memory.extend(lane.sequence, lane.n_computed, n_tokens, sharers)
        scheduler.computed(batch)
        for slot, _ in batch.sampled:
            if slot.accept(next_token(slot.lane.tokens), b"", is_end=False).finish_reason:
                scheduler.finish(slot)
                self.answers.append((slot.request.id, slot.lane.tokens[len(slot.request.prompt) :]))
        return [slot for slot, _ in batch.sampled]

    def run(self, *requests: Request) -> None:
        """Add requests and step until all have ended."""
        self.add(*requests)
        while not self.scheduler.is_idle:
            self.step()

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


def test_request_waits_until_its_prompt_and_the_beginning_of_its_answer_fit() -> None:
    """What an answer may need beyond that is reserved when it does."""
    rig = Rig(n_cells=20, n_answer_cells=6)
    rig.add(request(1, max_tokens=10), request(2, max_tokens=10), request(3, max_tokens=1))
    rig.step()
    assert rig.running() == [1, 2]
    assert rig.scheduler.n_cells_reserved == 18


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
    assert rig.memory.n_used == 20 + 3 * 2
    assert [slot.n_cached for slot in rig.scheduler.slots] == [0, 20, 20]


def test_prompts_go_on_in_the_step_that_completes_their_beginning() -> None:
    """As far as the step has room; the others follow in the next one."""
    rig = Rig(slots=3, n_batch_tokens=23)
    rig.add(*(request(i, (*SHARED, i, i), n_shared=20) for i in range(3)))
    assert [slot.request.id for slot in rig.step()] == [0]
    assert [slot.lane.n_left for slot in rig.scheduler.slots] == [1, 1, 22]
    assert [slot.request.id for slot in rig.step()] == [0, 1, 2]


def test_users_prompt_goes_on_first_when_a_shared_beginning_is_complete() -> None:
    """Though a probe was admitted before it."""
    rig = Rig(slots=3, n_batch_tokens=22)
    rig.add(request(1, (*SHARED, 1, 1), n_shared=20, priority=Priority.BACKGROUND))
    rig.scheduler.admit()
    rig.add(request(2, (*SHARED, 2, 2), n_shared=20))
    assert [slot.request.id for slot in rig.step()] == [2]


def test_prompts_wait_for_a_step_of_their_own_beside_a_users_answer() -> None:
    """Somebody watches how long the step takes."""
    rig = Rig(slots=2)
    rig.add(request(1, max_tokens=9))
    rig.step()
    rig.add(request(2, (*SHARED, 2), n_shared=20))
    rig.step()
    assert [slot.phase for slot in rig.scheduler.slots] == [Phase.DECODING, Phase.WAITING]


def test_prompts_wait_where_a_sequence_cannot_share_what_is_being_computed() -> None:
    """A recurrent model's state is copied whole, once it is there."""
    rig = Rig(partially=False)
    rig.add(request(1, (*SHARED, 1), n_shared=20))
    assert not rig.step()
    assert [slot.request.id for slot in rig.step()] == [1]


def test_longer_shared_beginning_grows_from_a_shorter_one() -> None:
    """Demonstrations after the same system prompt: only they are new."""
    rig = Rig()
    rig.add(request(1, (*SHARED, 1), n_shared=20, max_tokens=1))
    while rig.running() or len(rig.scheduler.queue):
        rig.step()
    rig.add(request(2, (*SHARED, *range(30), 2), n_shared=50))
    rig.scheduler.admit()
    assert rig.scheduler.build_batch().n_prefill == 30 + 1
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


def retire(rig: Rig, request_id: int) -> None:
    """Cancel a request that has a slot."""
    slot = rig.scheduler.find(request_id)
    assert slot is not None
    rig.scheduler.retire(slot)
    assert rig.scheduler.find(request_id) is None


def test_beginning_that_nobody_waits_for_any_more_is_not_computed() -> None:
    """Cancelled before its first step: nothing is left of it."""
    rig = Rig()
    rig.add(request(1, (*SHARED, 1), n_shared=20))
    rig.scheduler.admit()
    retire(rig, 1)
    assert rig.scheduler.build_batch().n_tokens == 0
    assert rig.scheduler.n_cells_reserved == 0
    assert sorted(rig.scheduler._free) == list(range(rig.limits.n_sequences))


def test_beginning_that_was_cancelled_midway_holds_nobody_up() -> None:
    """What is computed of it stays: others that begin alike share it, and it can go on later."""
    rig = Rig(n_batch_tokens=30)
    long = tuple(range(100, 190))
    rig.add(request(1, (*long, 1), n_shared=90))
    rig.step()
    retire(rig, 1)
    assert rig.scheduler.n_cells_reserved == rig.memory.n_used == 30
    rig.add(request(2, (*SHARED, 2)))
    assert [slot.n_cached for slot in rig.step()] == [20]
    rig.run(request(3, (*long, 3), n_shared=90, max_tokens=1))
    asked = request(3, (*long, 3), max_tokens=1)
    assert rig.answers[-1] == (3, whole_answer(asked))
    assert max(len(one.lane.tokens) for one in rig.scheduler.prefixes.shared) == 90


def test_beginning_is_computed_on_while_one_of_two_still_waits_for_it() -> None:
    """The other one's leaving changes nothing."""
    rig = Rig(n_batch_tokens=15)
    rig.add(*(request(i, (*SHARED, i), n_shared=20) for i in (1, 2)))
    rig.step()
    retire(rig, 1)
    assert rig.scheduler.build_batch().n_prefill == 5 + 1


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


def test_next_turn_goes_on_from_the_last_one() -> None:
    """Prompt and answer are not computed again, and the conversation keeps one sequence."""
    rig = Rig(turns=2)
    rig.run(request(1, SHARED, max_tokens=5))
    said = whole_answer(request(1, SHARED, max_tokens=5))
    rig.add(request(2, (*SHARED, *said, 1, 2, 3), max_tokens=5))
    (slot,) = rig.step()
    assert slot.n_cached == 24
    assert rig.memory.n_used == 28
    while not rig.scheduler.is_idle:
        rig.step()
    (turn,) = rig.scheduler.prefixes.turns
    assert turn.n_cells == rig.memory.n_used == 32


def test_next_turn_of_a_memory_that_cannot_be_cut_is_computed_anew_unless_whole() -> None:
    """A recurrent state cannot be rewound to where two conversations part."""
    rig = Rig(turns=2, partially=False)
    rig.run(request(1, SHARED, max_tokens=5))
    said = whole_answer(request(1, SHARED, max_tokens=5))
    rig.add(request(2, (*SHARED, *said[:4], 7, 7)), request(3, (*SHARED, 7, 7)))
    rig.scheduler.admit()
    assert [slot.n_cached for slot in rig.scheduler.slots] == [24, 0]


def test_probes_leave_no_turn() -> None:
    """They ask one question each."""
    rig = Rig(turns=2)
    rig.run(request(1, SHARED, priority=Priority.BACKGROUND))
    assert rig.scheduler.prefixes.turns == []
    assert rig.memory.n_used == 0


def test_kept_turn_is_no_reason_to_wait() -> None:
    """It gives way to whoever comes."""
    rig = Rig(turns=2, n_cells=40)
    rig.run(request(1, SHARED, max_tokens=5))
    rig.add(request(2, tuple(range(30)), max_tokens=10))
    rig.step()
    assert rig.running() == [2]
    assert rig.scheduler.prefixes.turns == []


def test_growing_answer_pauses_the_youngest_which_then_repeats_nothing() -> None:
    """The younger one loses its cells, not its words."""
    rig = Rig(n_cells=30, n_answer_cells=4)
    both = [request(1, max_tokens=20), request(2, max_tokens=20)]
    rig.add(*both)
    while not rig.scheduler.paused:
        rig.step()
    assert rig.running() == [1]
    (paused,) = rig.scheduler.paused.values()
    assert paused.n_generated > 4
    while not rig.scheduler.is_idle:
        rig.step()
    assert rig.answers == [(one.id, whole_answer(one)) for one in both]
    assert rig.scheduler.n_pauses == 1
    assert rig.memory.n_used == 0


def test_user_takes_the_slot_of_the_youngest_probe_and_it_comes_back() -> None:
    """What the probe had computed is still there when nobody else needed the room."""
    rig = Rig(slots=2, turns=1)
    probe = request(1, SHARED, max_tokens=9, priority=Priority.BACKGROUND)
    rig.add(probe)
    rig.step()
    rig.step()
    rig.add(request(2, max_tokens=2), request(3, max_tokens=2))
    rig.step()
    assert rig.running() == [2, 3]
    rig.step()
    rig.step()
    assert rig.running() == [1]
    assert rig.memory.n_used == 22
    while not rig.scheduler.is_idle:
        rig.step()
    assert rig.answers[-1] == (1, whole_answer(probe))


def test_user_takes_the_cells_of_probes() -> None:
    """As many as it needs, the youngest first."""
    rig = Rig(slots=4, n_cells=40)
    rig.add(*(request(i, (i,) * 6, priority=Priority.BACKGROUND) for i in (1, 2, 3)))
    rig.step()
    assert rig.running() == [1, 2, 3]
    rig.add(request(4, (4,) * 20, max_tokens=5))
    rig.step()
    assert rig.running() == [1, 4]


def test_probe_is_left_alone_where_its_room_would_not_suffice() -> None:
    """Nothing is lost for a request that has to wait anyway."""
    rig = Rig(slots=3, n_cells=40)
    rig.add(request(1, (1,) * 20, max_tokens=5), request(2, priority=Priority.BACKGROUND))
    rig.step()
    rig.add(request(3, (3,) * 20, max_tokens=5))
    rig.step()
    assert rig.running() == [1, 2]


def test_user_never_gives_way_to_a_user_who_waits() -> None:
    """First come, first served."""
    rig = Rig(slots=1)
    rig.add(request(1, max_tokens=9), request(2))
    rig.step()
    rig.step()
    assert rig.running() == [1]


def test_paused_request_can_be_cancelled() -> None:
    """It is found where it waits, and leaves nothing behind."""
    rig = Rig(slots=1)
    rig.add(request(1, priority=Priority.BACKGROUND))
    rig.step()
    rig.add(request(2))
    rig.step()
    slot = rig.scheduler.find(1)
    assert slot is not None
    assert rig.scheduler.queue.remove(1)
    rig.scheduler.retire(slot)
    assert rig.scheduler.find(1) is None
    while not rig.scheduler.is_idle:
        rig.step()
    assert [answer[0] for answer in rig.answers] == [2]
    assert rig.memory.n_used == 0


def test_long_prompt_never_stalls_running_answers() -> None:
    """Each of eight streams gets a token in every step while 1,500 tokens are prefilled."""
    rig = Rig(slots=9, n_cells=4000, n_batch_tokens=512, n_prompt_tokens=32)
    rig.add(*(request(i, max_tokens=200) for i in range(8)))
    rig.step()
    rig.add(request(8, tuple(range(1500)), max_tokens=2))
    n_steps = 0
    while not any(slot.request.id == 8 for slot in rig.step()):
        n_steps += 1
        assert [slot.n_generated for slot in rig.scheduler.slots[:8]] == [n_steps + 1] * 8
    assert 1500 // 32 < n_steps < 1500 // MIN_CHUNK_TOKENS


class AnyOrder(RuleBasedStateMachine):
    """Whatever comes in whatever order, in a cache that is too small for it.

    No cell is over-reserved, nobody waits for ever, everybody gets the answer that they would get
    alone, once, and nothing is left behind.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig(
            slots=3, turns=2, n_cells=60, n_batch_tokens=16, n_prompt_tokens=4, n_answer_cells=5
        )
        self.open: dict[int, Request] = {}
        self.asked: list[Request] = []

    @rule(
        common=st.integers(0, 20), own=st.integers(1, 15), max_tokens=st.integers(1, 25),
        priority=st.sampled_from(Priority),
    )  # fmt: skip
    def submit(self, common: int, own: int, max_tokens: int, priority: Priority) -> None:
        """A prompt that shares some of its beginning with others."""
        prompt = (*SHARED[:common], *([len(self.asked)] * own))
        self._ask(prompt, max_tokens, min(common, len(prompt) - 1), priority)

    @precondition(lambda self: self.rig.answers)
    @rule(which=st.integers(0, 1000), cut=st.integers(0, 3), max_tokens=st.integers(1, 20))
    def go_on(self, which: int, cut: int, max_tokens: int) -> None:
        """The next turn of a conversation, or another one from within its last answer."""
        id_, said = self.rig.answers[which % len(self.rig.answers)]
        prompt = (*self.asked[id_].prompt, *said[: len(said) - cut], 7)
        if len(prompt) + max_tokens <= self.rig.limits.n_cells:
            self._ask(prompt, max_tokens, len(prompt) - 1, Priority.USER)

    def _ask(self, prompt: tuple[int, ...], max_tokens: int, n_shared: int, level: int) -> None:
        asked = request(
            len(self.asked), prompt, max_tokens=max_tokens, n_shared=n_shared, priority=level
        )
        self.asked.append(asked)
        self.open[asked.id] = asked
        self.rig.add(asked)

    @rule()
    def step(self) -> None:
        """One step; what has ended is the right answer, and ends once."""
        n_before = len(self.rig.answers)
        self.rig.step()
        for id_, said in self.rig.answers[n_before:]:
            assert said == whole_answer(self.open.pop(id_))

    @precondition(lambda self: self.open)
    @rule(index=st.integers(0, 1000))
    def cancel(self, index: int) -> None:
        """A client leaves, whether its request waits, runs or is paused."""
        scheduler = self.rig.scheduler
        id_ = list(self.open)[index % len(self.open)]
        scheduler.queue.remove(id_)
        if (slot := scheduler.find(id_)) is not None:
            scheduler.retire(slot)
        del self.open[id_]

    @rule()
    def lose_the_cache(self) -> None:
        """A decode has failed: what ran is lost, what waits or is paused is not."""
        self.rig.memory.held.clear()
        for slot in self.rig.scheduler.forget_running():
            del self.open[slot.request.id]

    @invariant()
    def cells_in_use_were_reserved(self) -> None:
        """And what is reserved exists."""
        rig = self.rig
        assert rig.memory.n_used <= rig.scheduler.n_cells_reserved <= rig.limits.n_cells

    @invariant()
    def users_of_prefixes_are_counted(self) -> None:
        """A prefix has as many users as slots that need its cells; without any, nothing is due."""
        scheduler = self.rig.scheduler
        lines = [slot.prefix.line for slot in scheduler.slots if slot.prefix is not None]
        for prefix in scheduler.prefixes:
            assert prefix.n_users == sum(prefix in line for line in lines)
            assert prefix.n_users or prefix.is_ready

    @invariant()
    def everybody_is_somewhere(self) -> None:
        """Running or waiting, never both; the paused ones wait."""
        scheduler = self.rig.scheduler
        running = {slot.request.id for slot in scheduler.slots}
        assert len(running) + len(scheduler.queue) == len(self.open)
        assert not running & scheduler.paused.keys()
        assert running | scheduler.paused.keys() <= self.open.keys()

    @invariant()
    def sequences_are_where_they_are_counted(self) -> None:
        """Those of slots and of prefixes are distinct, and no other holds a cell."""
        scheduler = self.rig.scheduler
        lanes = [slot.lane for slot in scheduler.slots] + [p.lane for p in scheduler.prefixes]
        taken = {lane.sequence for lane in lanes}
        assert len(taken) == len(lanes) <= self.rig.limits.n_sequences
        assert set(self.rig.memory.held) <= taken

    def teardown(self) -> None:
        """In the end everybody is served, and only what is kept holds cells."""
        for _ in range(3000):
            if self.rig.scheduler.is_idle:
                break
            self.step()
        assert not self.open
        assert self.rig.scheduler.paused == {}


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)


class AnyOrderRecurrent(AnyOrder):
    """The same where a sequence can only be copied whole."""

    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig(
            partially=False, slots=3, turns=2, n_cells=60, n_batch_tokens=16, n_answer_cells=5
        )


TestAnyOrderRecurrent = AnyOrderRecurrent.TestCase
TestAnyOrderRecurrent.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)
