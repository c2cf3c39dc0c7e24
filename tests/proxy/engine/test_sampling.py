from __future__ import annotations

import pytest

from proxy.engine.sampling import Sampling, plan_chain


def kinds(sampling: Sampling) -> list[str]:
    """Just the order of a plan."""
    return [sampler.kind for sampler in plan_chain(sampling)]


def test_plan_of_the_defaults_has_llama_servers_order() -> None:
    """Without penalties nothing comes before top-k."""
    assert kinds(Sampling()) == ["top_k", "top_p", "min_p", "temperature", "draw"]


def test_plan_with_everything_keeps_llama_cpps_order() -> None:
    """DRY may touch any candidate, so there is no early cut with it."""
    sampling = Sampling(
        logit_bias=((1, 2.0),), repeat_penalty=1.1, dry_multiplier=0.8, typical_p=0.9,
        xtc_probability=0.5,
    )  # fmt: skip
    assert kinds(sampling) == [
        "logit_bias", "penalties", "dry", "top_k", "typical_p", "top_p", "min_p", "xtc",
        "temperature", "draw",
    ]  # fmt: skip


def test_early_cut_keeps_all_that_penalties_could_move() -> None:
    """The best k after lowering at most n are among the best k + n before."""
    plan = plan_chain(Sampling(top_k=40, repeat_last_n=64, repeat_penalty=1.1))
    assert [(s.kind, s.value) for s in plan[:3]] == [
        ("top_k", 104), ("penalties", 0.0), ("top_k", 40),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(repeat_penalty=0.9),
        Sampling(repeat_penalty=1.1, presence_penalty=-0.5),
        Sampling(repeat_penalty=1.1, frequency_penalty=-0.5),
        Sampling(repeat_penalty=1.1, repeat_last_n=-1),
        Sampling(repeat_penalty=1.1, top_k=0),
        Sampling(repeat_penalty=1.1, top_k=100),
        Sampling(repeat_penalty=1.1, mirostat=2),
    ],
)
def test_early_cut_is_left_out_where_it_is_not_exact_or_not_cheap(sampling: Sampling) -> None:
    """Encouraged tokens can come from anywhere; then penalties see all candidates."""
    assert kinds(sampling)[0] == "penalties"


def test_greedy_ignores_everything_after_the_penalties() -> None:
    """At temperature 0 truncation and mirostat are inert."""
    assert kinds(Sampling(temperature=0, mirostat=2)) == ["greedy"]
    assert kinds(Sampling(temperature=0, repeat_penalty=1.1)) == ["top_k", "penalties", "greedy"]


@pytest.mark.parametrize(("version", "kind"), [(1, "mirostat"), (2, "mirostat_v2")])
def test_mirostat_replaces_truncation_and_draw(version: int, kind: str) -> None:
    """Only temperature acts before it."""
    assert kinds(Sampling(mirostat=version)) == ["temperature", kind]  # type: ignore[arg-type]  # parametrised


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (Sampling(), 0),
        (Sampling(repeat_penalty=1.1), 64),
        (Sampling(repeat_penalty=1.1, repeat_last_n=-1), -1),
        (Sampling(repeat_penalty=1.1, dry_multiplier=1, dry_penalty_last_n=100), 100),
        (Sampling(dry_multiplier=1), -1),
        (Sampling(repeat_penalty=1.1, repeat_last_n=0), 0),
    ],
)
def test_history_is_as_long_as_the_longest_window(sampling: Sampling, expected: int) -> None:
    """A chain is told just as much of the prompt as it looks back on."""
    assert sampling.n_history == expected
