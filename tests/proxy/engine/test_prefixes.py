from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from proxy.engine.prefixes import (
    MAX_IDLE_TOKENS,
    KeptLimits,
    Match,
    PrefixCache,
    common_length,
)
from proxy.engine.request import Request
from proxy.engine.slots import Lane, Prefix, Slot
from tests.proxy.engine.fake_runtime import FakeMemory

NOTHING = Match(None, 0)


class Rig:
    """A cache over a memory, with every sequence's cells filled as they would be."""

    def __init__(
        self, *, shared: int = 2, turns: int = 2, cells: int = 100, cut: bool = True
    ) -> None:
        self.memory = FakeMemory(1000, copies_partially=cut)
        self.free = list(range(20))
        self.cache = PrefixCache(self.memory, self.free, KeptLimits(shared, turns, cells))

    def share(self, tokens: Sequence[int], parent: Match = NOTHING) -> Prefix:
        """A computed shared prefix."""
        prefix = self.cache.share(tokens, parent=parent)
        lane = prefix.lane
        self.memory.extend(lane.sequence, lane.n_computed, lane.n_left)
        lane.n_computed = len(tokens)
        return prefix

    def answer(
        self, tokens: Sequence[int], prefix: Prefix | None = None, n_prefix: int = 0
    ) -> Slot:
        """A slot at the end of its answer, which has let go of its prefix."""
        lane = Lane(self.free.pop(), [*tokens, 999], len(tokens))
        if prefix is not None:
            self.memory.copy(prefix.lane.sequence, lane.sequence, n_prefix)
        self.memory.extend(lane.sequence, n_prefix, len(tokens) - n_prefix)
        request = Request(id=1, prompt=tuple(tokens[:-1]), max_tokens=2)
        return Slot(request, lane, n_cells=0, prefix=prefix, n_prefix=n_prefix)


def test_find_takes_the_longest_beginning_but_not_the_last_token() -> None:
    """The last token's logits are needed, so it is computed anew."""
    rig = Rig()
    rig.share([1, 2])
    longer = rig.share([1, 2, 3, 4])
    assert rig.cache.find([1, 2, 3, 9]) == Match(longer, 3)
    assert rig.cache.find([1, 2, 3, 4]) == Match(longer, 3)
    assert rig.cache.find([5]) == NOTHING


def test_find_uses_whole_prefixes_only_where_memory_cannot_be_cut() -> None:
    """Recurrent models copy a sequence whole."""
    rig = Rig(cut=False)
    whole = rig.share([1, 2])
    rig.share([1, 2, 3, 4])
    assert rig.cache.find([1, 2, 3, 9]) == Match(whole, 2)


def test_find_prefers_a_turn_only_where_it_saves_enough() -> None:
    """A word that two questions have in common is no conversation."""
    rig = Rig()
    shared = rig.share(range(20))
    assert rig.cache.keep(rig.answer(range(60), shared, 20))
    (turn,) = rig.cache.turns
    assert rig.cache.find([*range(30), 7, 7]) == Match(shared, 20)
    assert rig.cache.find([*range(60), 7, 7]) == Match(turn, 60)


def test_share_evicts_the_least_recently_used_that_nobody_holds() -> None:
    """A held prefix stays, whatever its age."""
    rig = Rig()
    held, old = rig.share([1]), rig.share([2])
    rig.cache.hold(held)
    new = rig.share([3])
    assert rig.cache.shared == [held, new]
    assert old not in rig.cache
    assert rig.memory.n_used == 2


def test_nothing_can_be_shared_when_all_are_held() -> None:
    """Then the request goes without a prefix of its own."""
    rig = Rig(shared=1)
    only = rig.share([1])
    assert rig.cache.can_share(parent=None)
    assert not rig.cache.can_share(parent=only)
    rig.cache.hold(only)
    assert not rig.cache.can_share(parent=None)


def test_child_starts_where_its_parent_ends() -> None:
    """Cells of the parent are shared, not computed again."""
    rig = Rig()
    parent = rig.share([1, 2, 3])
    child = rig.cache.share([1, 2, 9, 9], parent=Match(parent, 2))
    assert child.lane.n_computed == 2
    assert rig.memory.n_used == 3


def test_kept_turn_holds_what_was_computed_and_only_counts_its_own() -> None:
    """The last sampled token is not in the cache; the shared prefix's cells are the prefix's."""
    rig = Rig()
    shared = rig.share(range(20))
    rig.cache.keep(rig.answer(range(60), shared, 20))
    (turn,) = rig.cache.turns
    assert turn.lane.tokens == list(range(60))
    assert turn.n_cells == 40
    assert rig.cache.n_cells == rig.memory.n_used == 60


def test_turn_takes_the_place_of_the_one_it_grew_from() -> None:
    """A conversation never holds more than one sequence, however long it gets."""
    rig = Rig()
    shared = rig.share(range(20))
    rig.cache.keep(rig.answer(range(60), shared, 20))
    rig.cache.keep(rig.answer([*range(55), *range(200, 240)], rig.cache.turns[0], 55))
    (turn,) = rig.cache.turns
    assert turn.parent is shared
    assert rig.cache.n_cells == rig.memory.n_used == 95
    assert len(rig.free) == 18


def test_turn_that_others_still_use_is_not_replaced() -> None:
    """Of several answers to one prompt the last one stays."""
    rig = Rig()
    rig.cache.keep(rig.answer(range(40)))
    (turn,) = rig.cache.turns
    rig.cache.hold(turn)
    assert not rig.cache.keep(rig.answer(range(70), turn, 40))
    rig.cache.release(turn)
    assert rig.cache.keep(rig.answer(range(70), turn, 40))


def test_short_turn_is_not_kept() -> None:
    """It saves less than it costs to remember."""
    rig = Rig()
    shared = rig.share(range(20))
    assert not rig.cache.keep(rig.answer(range(30), shared, 20))
    assert not Rig(turns=0).cache.keep(Rig(turns=0).answer(range(60)))


def test_turns_give_way_to_newer_ones_within_their_limits() -> None:
    """By number and by cells; a single long one may have more than its share."""
    rig = Rig(turns=2, cells=100)
    rig.cache.keep(rig.answer([1] * 30))
    rig.cache.keep(rig.answer([2] * 30))
    rig.cache.keep(rig.answer([3] * 30))
    assert [turn.lane.tokens[0] for turn in rig.cache.turns] == [2, 3]
    rig.cache.keep(rig.answer([4] * 150))
    assert [turn.lane.tokens[0] for turn in rig.cache.turns] == [4]
    assert rig.memory.n_used == 150


def test_turn_is_not_kept_beyond_the_number_when_all_are_held() -> None:
    """Or the sequences would not suffice for the slots."""
    rig = Rig(turns=1)
    rig.cache.keep(rig.answer([1] * 30))
    rig.cache.hold(rig.cache.turns[0])
    assert not rig.cache.keep(rig.answer([2] * 30))


def test_turns_give_way_before_shared_prefixes() -> None:
    """The older shared prefix serves everybody."""
    rig = Rig()
    shared = rig.share(range(20))
    rig.cache.keep(rig.answer([1] * 30))
    assert rig.cache.give_way()
    assert list(rig.cache) == [shared]
    assert rig.cache.give_way()
    assert not rig.cache.give_way()
    assert rig.memory.n_used == 0


def test_evicted_prefix_takes_its_turns_along() -> None:
    """Their cells are partly its own."""
    rig = Rig(shared=1)
    rig.cache.keep(rig.answer(range(60), rig.share(range(20)), 20))
    rig.share([5] * 20)
    assert rig.cache.turns == []
    assert rig.memory.n_used == 20


def test_using_a_turn_holds_its_prefix_too() -> None:
    """And reclaimable cells are those that nobody uses once some have left."""
    rig = Rig()
    shared = rig.share(range(20))
    rig.cache.keep(rig.answer(range(60), shared, 20))
    (turn,) = rig.cache.turns
    assert rig.cache.n_reclaimable(leaving=()) == 60
    with rig.cache.held(turn):
        assert (shared.n_users, turn.n_users) == (1, 1)
        user = Slot(Request(id=1, prompt=(1,), max_tokens=1), Lane(9, [1]), n_cells=1, prefix=turn)
        assert rig.cache.n_reclaimable(leaving=()) == 0
        assert rig.cache.n_reclaimable(leaving=[user]) == 60
    assert (shared.n_users, turn.n_users) == (0, 0)


def test_forget_all_gives_every_sequence_back() -> None:
    """After the KV cache was cleared."""
    rig = Rig()
    rig.share([1])
    rig.cache.keep(rig.answer([1] * 30))
    rig.memory.held.clear()
    rig.cache.forget_all()
    assert rig.cache.n_cells == 0
    assert sorted(rig.free) == list(range(20))


@given(left=st.lists(st.integers(0, 2)), right=st.lists(st.integers(0, 2)))
def test_common_length_is_the_longest_shared_start(left: list[int], right: list[int]) -> None:
    """Equal up to it, different after it."""
    n = common_length(left, tuple(right))
    assert left[:n] == right[:n]
    assert left[n : n + 1] != right[n : n + 1] or n == len(left) == len(right)


def test_what_nobody_uses_goes_once_it_has_cost_as_much_as_it_would_save() -> None:
    """Every answer's token walks over its cells; a prefix and the turns on it go together."""
    rig = Rig()
    shared = rig.share(range(20))
    assert rig.cache.keep(rig.answer(range(60), shared, 20))

    rig.cache.passed(MAX_IDLE_TOKENS)
    assert len([*rig.cache]) == 2

    rig.cache.passed(1)
    assert [*rig.cache] == []
    assert sorted(rig.free) == list(range(20))
    assert rig.memory.n_used == 0


def test_what_is_used_stays_however_many_answers_pass() -> None:
    """Its idle time begins anew when the last user has let go."""
    rig = Rig()
    shared = rig.share(range(20))
    rig.cache.hold(shared)
    rig.cache.passed(2 * MAX_IDLE_TOKENS)
    rig.cache.release(shared)

    rig.cache.passed(MAX_IDLE_TOKENS)

    assert rig.cache.shared == [shared]
