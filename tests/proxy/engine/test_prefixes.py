from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.engine.prefixes import Match, PrefixCache, common_length
from tests.proxy.engine.fake_runtime import FakeMemory

NOTHING = Match(None, 0)


def filled(cache: PrefixCache, memory: FakeMemory, tokens: list[int]) -> Match:
    """A computed prefix."""
    prefix = cache.add(tokens, parent=NOTHING)
    memory.extend(prefix.lane.sequence, 0, len(tokens))
    prefix.lane.n_computed = len(tokens)
    return Match(prefix, len(tokens))


def test_find_takes_the_longest_beginning_but_not_the_last_token() -> None:
    """The last token's logits are needed, so it is computed anew."""
    memory = FakeMemory(100)
    cache = PrefixCache(memory, range(3))
    filled(cache, memory, [1, 2])
    longer = filled(cache, memory, [1, 2, 3, 4])
    assert cache.find([1, 2, 3, 9]) == Match(longer.prefix, 3)
    assert cache.find([1, 2, 3, 4]) == Match(longer.prefix, 3)
    assert cache.find([5]) == NOTHING


def test_find_uses_whole_prefixes_only_where_memory_cannot_be_cut() -> None:
    """Recurrent models copy a sequence whole."""
    memory = FakeMemory(100, copies_partially=False)
    cache = PrefixCache(memory, range(3))
    whole = filled(cache, memory, [1, 2])
    filled(cache, memory, [1, 2, 3, 4])
    assert cache.find([1, 2, 3, 9]) == whole


def test_add_evicts_the_least_recently_used_that_nobody_holds() -> None:
    """A held prefix stays, whatever its age."""
    memory = FakeMemory(100)
    cache = PrefixCache(memory, range(2))
    held, old = filled(cache, memory, [1]), filled(cache, memory, [2])
    assert held.prefix is not None
    held.prefix.n_users = 1
    filled(cache, memory, [3])
    assert old.prefix not in list(cache)
    assert held.prefix in list(cache)
    assert memory.n_used == 2


def test_has_room_is_false_when_all_are_held() -> None:
    """Then the request goes without a prefix of its own."""
    memory = FakeMemory(100)
    cache = PrefixCache(memory, range(1))
    only = filled(cache, memory, [1])
    assert cache.has_room(keep=None)
    assert not cache.has_room(keep=only.prefix)


def test_child_starts_where_its_parent_ends() -> None:
    """Cells of the parent are shared, not computed again."""
    memory = FakeMemory(100)
    cache = PrefixCache(memory, range(2))
    parent = filled(cache, memory, [1, 2, 3])
    child = cache.add([1, 2, 9, 9], parent=Match(parent.prefix, 2))
    assert child.lane.n_computed == 2
    assert memory.n_used == 3


def test_forget_all_gives_every_sequence_back() -> None:
    """After the KV cache was cleared."""
    memory = FakeMemory(100)
    cache = PrefixCache(memory, range(2))
    filled(cache, memory, [1])
    memory.held.clear()
    cache.forget_all()
    assert cache.n_cells == 0
    filled(cache, memory, [2])
    assert cache.n_cells == 1


@given(left=st.lists(st.integers(0, 2)), right=st.lists(st.integers(0, 2)))
def test_common_length_is_the_longest_shared_start(left: list[int], right: list[int]) -> None:
    """Equal up to it, different after it."""
    n = common_length(left, right)
    assert left[:n] == right[:n]
    assert left[n : n + 1] != right[n : n + 1] or n == len(left) == len(right)
