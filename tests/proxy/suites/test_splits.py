from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.domain import Prompt, Split
from proxy.suites.ordering import stratum
from proxy.suites.splits import SPLITS, assign, extend, keep_whole, straddling
from proxy.suites.suite import prompt_id
from tests.proxy.suites.suite_prompts import make_prompts

STRATA = [
    *make_prompts(20, category="crime"),
    *make_prompts(10, category="cyber"),
    *make_prompts(10, category="hate"),
]


def _reworded(prompt: Prompt) -> Prompt:
    text = prompt.text.upper() + " please"
    return replace(prompt, id=prompt_id(text), text=text)


def test_assign_divides_each_stratum_evenly() -> None:
    """Twenty prompts make five a split; ten make two or three, and the halves even out."""
    split = assign(STRATA)
    counts = Counter((prompt.category, prompt.split) for prompt in split)
    assert [counts["crime", name] for name in SPLITS] == [5, 5, 5, 5]
    assert {counts["cyber", name] for name in SPLITS} == {2, 3}
    assert list(Counter(prompt.split for prompt in split).values()) == [10, 10, 10, 10]


def test_assign_changes_nothing_but_the_split() -> None:
    """The prompts come back in the order given."""
    assert [replace(prompt, split=None) for prompt in assign(STRATA)] == STRATA


def test_assign_ignores_row_order_and_earlier_splits() -> None:
    """Content decides: shuffled rows with splits of any origin get the same splits."""
    shuffled = random.Random(7).sample(STRATA, len(STRATA))
    again = assign([replace(prompt, split="probe") for prompt in shuffled])
    assert set(again) == set(assign(STRATA))


def test_assign_with_another_seed_is_another_valid_assignment() -> None:
    """The seed matters, the balance stays."""
    one, other = assign(STRATA, seed=1), assign(STRATA, seed=2)
    assert one != other
    assert Counter(prompt.split for prompt in other) == dict.fromkeys(SPLITS, 10)


def test_assign_follows_the_shares() -> None:
    """A split left out gets nothing."""
    split = assign(make_prompts(40), {"search": 3, "test": 1})
    assert Counter(prompt.split for prompt in split) == {"search": 30, "test": 10}


def test_assign_keeps_near_duplicates_whole() -> None:
    """A rewording never lands in another split than the original, even in another category."""
    pairs = STRATA + [replace(_reworded(prompt), category="ip") for prompt in STRATA[:15]]
    split = assign(pairs)
    by_text = {prompt.text: prompt.split for prompt in split}
    assert all(by_text[_reworded(p).text] == by_text[p.text] for p in STRATA[:15])
    assert straddling(split) == ()


@settings(max_examples=50, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 30), min_size=1, max_size=4),
    seed=st.integers(0, 2**32),
)
def test_assign_is_within_one_prompt_of_every_quota(sizes: list[int], seed: int) -> None:
    """Without near-duplicates no stratum, and not the whole, is off by a prompt or more."""
    categories = ("crime", "cyber", "hate", "ip")
    prompts = [
        prompt
        for size, category in zip(sizes, categories, strict=False)
        for prompt in make_prompts(size, category=category)
    ]
    split = assign(prompts, seed=seed)
    strata = Counter(map(stratum, prompts))
    counts = Counter((stratum(prompt), prompt.split) for prompt in split)
    assert all(abs(counts[s, name] - strata[s] / 4) < 1 for s in strata for name in SPLITS)
    totals = Counter(prompt.split for prompt in split)
    assert all(abs(totals[name] - len(prompts) / 4) < 1 for name in SPLITS)


@pytest.mark.parametrize(
    "shares", [{}, {"search": 0.0}, {"search": -1.0, "test": 2.0}, {"train": 1.0}]
)
def test_assign_refuses_shares_that_mean_nothing(shares: Mapping[Split, float]) -> None:
    """The message shows them."""
    with pytest.raises(ValueError, match=r"shares \{.*\} cannot be used"):
        assign(STRATA, shares)


def test_assign_of_nothing_is_nothing() -> None:
    """An empty suite has no splits."""
    assert assign([]) == ()


def test_keep_whole_moves_later_near_duplicates_to_the_first() -> None:
    """The earlier prompt's split stands; others keep theirs."""
    original = replace(STRATA[0], split="test")
    other = replace(STRATA[1], split="search")
    copy = replace(_reworded(STRATA[0]), split="search")
    assert len(straddling([original, other, copy])) == 1
    assert keep_whole([original, other, copy]) == (original, other, replace(copy, split="test"))


def test_extend_keeps_what_was_settled_and_evens_out_the_rest() -> None:
    """Behind twenty that lie unevenly, twenty more go where there are fewest."""
    before = [replace(prompt, split="test") for prompt in STRATA[:8]]
    before += [replace(prompt, split="search") for prompt in STRATA[8:20]]
    prompts = [*make_prompts(40, category="crime")[20:], *before]
    whole = extend(prompts)
    assert [prompt.id for prompt in whole] == [prompt.id for prompt in prompts]
    assert list(whole[20:]) == before
    counts = Counter(prompt.split for prompt in whole)
    assert counts["search"] == 12
    assert {counts[name] for name in ("validation", "test", "probe")} <= {9, 10}


def test_extend_goes_by_the_texts_alone() -> None:
    """The order of the rows changes nothing, and with nothing settled it is `assign`."""
    by_id = {prompt.id: prompt.split for prompt in extend(STRATA)}
    shuffled = random.Random(1).sample(STRATA, len(STRATA))
    assert {prompt.id: prompt.split for prompt in extend(shuffled)} == by_id
    assert extend(STRATA) == assign(STRATA)


def test_an_added_near_duplicate_is_seen_where_it_straddles() -> None:
    """The script that adds prompts refuses those."""
    original = replace(STRATA[0], split="test")
    others = [replace(p, split="test") for p in STRATA[1:5]]
    whole = extend([original, *others, _reworded(STRATA[0])])
    assert whole[-1].split != "test"
    assert len(straddling(whole)) == 1
