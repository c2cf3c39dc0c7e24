from __future__ import annotations

import random
from collections import Counter

import pytest

from proxy.suites.ordering import content_hash, sample, stratified_order, stratum
from tests.proxy.suites.suite_prompts import make_prompts

PROMPTS = [*make_prompts(24, category="crime"), *make_prompts(12, category="cyber")]


def test_content_hash_is_the_same_for_ever() -> None:
    """Splits and ids hang on it, so its value is pinned."""
    expected = "fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603"
    assert content_hash("ab") == expected
    assert content_hash("a", "b") != expected


def test_stratified_order_has_every_prefix_in_proportion() -> None:
    """Two of one stratum for one of the other, at any length and within one prompt."""
    order = stratified_order(PROMPTS, seed=3)
    for n in range(1, len(order) + 1):
        share = Counter(prompt.category for prompt in order[:n])["crime"]
        assert abs(share - n * 2 / 3) <= 1


def test_stratified_order_does_not_depend_on_row_order() -> None:
    """The same prompts come in the same order however their file lists them."""
    shuffled = random.Random(1).sample(PROMPTS, len(PROMPTS))
    assert stratified_order(shuffled, seed=3) == stratified_order(PROMPTS, seed=3)


def test_stratified_order_changes_with_the_seed() -> None:
    """Another seed, another order of the same prompts."""
    one, other = stratified_order(PROMPTS, seed=1), stratified_order(PROMPTS, seed=2)
    assert one != other
    assert set(one) == set(other)


def test_stratified_order_takes_each_stratum_once_a_round() -> None:
    """Of equal strata, the first prompts are one of each."""
    strata = [p for category in ("crime", "ip", "hate") for p in make_prompts(8, category=category)]
    order = stratified_order(strata)
    for start in range(0, 24, 3):
        assert len({stratum(prompt) for prompt in order[start : start + 3]}) == 3


def test_sample_is_nested() -> None:
    """A larger sample begins with the smaller one."""
    assert sample(PROMPTS, 16, seed=5)[:8] == sample(PROMPTS, 8, seed=5)


def test_sample_of_too_few_is_all_of_them() -> None:
    """Asking for more than there are is no error; the caller reports its n."""
    assert len(sample(PROMPTS, 1000)) == len(PROMPTS)
    assert sample(PROMPTS, 0) == ()
    assert sample([], 4) == ()


def test_sample_of_a_negative_number_is_refused() -> None:
    """A slice would silently take from the other end."""
    with pytest.raises(ValueError, match="-1 prompts"):
        sample(PROMPTS, -1)
