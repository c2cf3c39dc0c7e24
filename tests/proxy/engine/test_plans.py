from __future__ import annotations

from proxy.engine.plans import Plan, Wish, plans
from proxy.engine.prefixes import KeptLimits, Match, PrefixCache
from proxy.engine.request import Request
from proxy.engine.slots import Lane, Prefix, Slot
from tests.proxy.engine.fake_runtime import FakeMemory

NOTHING = Match(None, 0)
TOKENS = tuple(range(60))


def cache_with_turn() -> tuple[PrefixCache, Prefix]:
    """A cache that holds one turn of 40 tokens."""
    memory = FakeMemory(1000)
    cache = PrefixCache(memory, [0, 1, 2], KeptLimits(n_shared=1, n_turns=1, n_turn_cells=100))
    asked = Request(id=1, prompt=TOKENS[:39], max_tokens=2)
    assert cache.keep(Slot(asked, Lane(9, [*TOKENS[:40]], 40), n_cells=41))
    return cache, cache.turns[0]


def test_new_prefix_is_tried_first_and_nothing_shared_last() -> None:
    """The last plan needs nothing of anybody, so that it fits into an idle engine."""
    cache = PrefixCache(FakeMemory(1000), [0], KeptLimits(n_shared=1))
    assert list(plans(Wish(TOKENS, 50, 70), cache)) == [
        Plan(NOTHING, 50, 70), Plan(NOTHING, 0, 70),
    ]  # fmt: skip


def test_unfinished_prefix_is_shared_and_does_not_grow() -> None:
    """What is not computed yet cannot be copied."""
    cache = PrefixCache(FakeMemory(1000), [0, 1], KeptLimits(n_shared=2))
    prefix = cache.share(TOKENS[:20], parent=NOTHING)
    assert list(plans(Wish(TOKENS, 50, 70), cache)) == [
        Plan(Match(prefix, 20), 0, 50), Plan(NOTHING, 0, 70),
    ]  # fmt: skip


def test_what_follows_a_turn_is_not_shared() -> None:
    """It is that conversation's own, and would push out what many share."""
    cache, turn = cache_with_turn()
    assert list(plans(Wish(TOKENS, 58, 70), cache)) == [
        Plan(Match(turn, 40), 0, 30), Plan(NOTHING, 0, 70),
    ]  # fmt: skip


def test_several_answers_to_what_follows_a_turn_share_all_of_it() -> None:
    """Then everything but the last token is computed once."""
    cache, turn = cache_with_turn()
    first = next(plans(Wish(TOKENS, 59, 70), cache))
    assert first == Plan(Match(turn, 40), 59, 70)
    assert first.n_prefix == 59
