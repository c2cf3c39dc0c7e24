"""What matters is found, what does not is not claimed, and few candidates say nothing."""

from __future__ import annotations

import random

from tuner.report.importance import LEAST_CANDIDATES, importance


def sample(count: int, seed: int) -> tuple[list[dict[str, str | float]], list[float]]:
    """Candidates whose loss hangs on one gene, beside noise and a gene that means nothing."""
    rng = random.Random(seed)
    genes: list[dict[str, str | float]] = [
        {"matters": rng.choice("ab"), "idle": float(rng.randrange(6)), "fixed": "x"}
        for _ in range(count)
    ]
    losses = [(one["matters"] == "b") + rng.gauss(0, 0.3) for one in genes]
    return genes, losses


def test_the_gene_that_matters_stands_out() -> None:
    """Its whole interval lies above chance, and the others' do not."""
    first, *others = importance(*sample(120, 1))
    assert first.gene == "matters"
    assert first.is_shown
    assert first.interval.low < first.value < first.interval.high
    assert not any(one.is_shown for one in others)


def test_a_gene_of_one_value_has_no_importance_at_all() -> None:
    """There is nothing to compare."""
    found = {one.gene: one for one in importance(*sample(60, 2))}
    assert found["fixed"].value == 0.0
    assert found["fixed"].interval.low == found["fixed"].interval.high == 0.0


def test_noise_is_claimed_to_matter_no_more_often_than_chance_allows() -> None:
    """Over thirty samples of pure noise, two genes each: 2.5 % of them on average."""
    claims = 0
    for seed in range(30):
        genes, _ = sample(60, seed)
        rng = random.Random(1000 + seed)
        found = importance(genes, [rng.random() for _ in genes], seed=seed)
        claims += sum(one.is_shown for one in found)
    assert claims <= 5


def test_few_candidates_say_nothing() -> None:
    """Rather than something that the next run denies."""
    assert importance(*sample(LEAST_CANDIDATES - 1, 3)) == ()


def test_the_same_candidates_have_the_same_importance() -> None:
    """A page made twice is the same page."""
    assert importance(*sample(40, 4)) == importance(*sample(40, 4))
