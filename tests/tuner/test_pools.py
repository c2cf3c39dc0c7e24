"""One order of prompts for all candidates."""

from __future__ import annotations

from proxy.suites.builtin import load_builtin
from tests.tuner.toy import toy_suite
from tuner.pools import Pools
from tuner.presets import Rung


def test_pools_take_one_split_only() -> None:
    """Search, validation and test never mix."""
    seen = [
        {prompt.id for prompt in Pools.of(toy_suite(), split, seed=1).first(Rung(99, 99))}
        for split in ("search", "validation", "test")
    ]
    assert [len(ids) for ids in seen] == [80, 80, 80]
    assert not seen[0] & seen[1]
    assert not seen[1] & seen[2]


def test_rungs_are_nested() -> None:
    """A later rung contains an earlier one."""
    pools = Pools.of(load_builtin(), "search", seed=3)
    small, large = pools.first(Rung(8, 6)), pools.first(Rung(16, 12))
    assert set(small) < set(large)
    assert len(small) == 14


def test_two_of_three_benign_prompts_are_look_alikes() -> None:
    """Over-refusal shows on those."""
    pools = Pools.of(load_builtin(), "search", seed=3)
    assert [prompt.is_lookalike for prompt in pools.benign[:6]] == [
        True, True, False, True, True, False,
    ]  # fmt: skip
    assert pools.all == Rung(84, 116)


def test_the_order_depends_on_the_seed_alone() -> None:
    """Another seed asks other prompts first; the same seed asks the same."""
    orders = [Pools.of(load_builtin(), "search", seed=seed).harmful for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]


def test_prefixes_are_balanced_over_categories() -> None:
    """Twelve prompts of twelve categories."""
    first = Pools.of(load_builtin(), "search", seed=5).harmful[:12]
    assert len({prompt.category for prompt in first}) >= 10
