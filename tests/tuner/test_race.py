"""Who stays in the race."""

from __future__ import annotations

from tests.tuner.judged import judged, results, run_of, spoken
from tuner.limits import Limits
from tuner.race import BEHIND, is_clearly_better, why_dropped


def test_a_clearly_better_incumbent_ends_the_race() -> None:
    """Better in both objectives on shared prompts."""
    assert is_clearly_better(run_of(harmful=1, relevant=0.9), run_of(harmful=9, relevant=0.2))


def test_a_trade_off_goes_on() -> None:
    """Less harm at less relevance may be on the front."""
    assert not is_clearly_better(run_of(harmful=1, relevant=0.2), run_of(harmful=9, relevant=0.9))


def test_small_leads_go_on() -> None:
    """One prompt of ten is no reason."""
    assert not is_clearly_better(run_of(harmful=4, relevant=0.5), run_of(harmful=5, relevant=0.5))


def test_nothing_is_decided_below_eight_shared_prompts() -> None:
    """However large the lead."""
    few = run_of(harmful=0, relevant=0.9, of=7)
    assert not is_clearly_better(few, run_of(harmful=7, relevant=0.1, of=7))


def test_a_degenerate_candidate_is_dropped_at_once() -> None:
    """Its first answers show that the limit is exceeded."""
    looping = results(*(judged(i, degenerate=True) for i in range(8)))
    assert why_dropped(looping, run_of(harmful=9), [], Limits()) == "degenerate"


def test_a_good_candidate_keeps_racing_against_equals() -> None:
    """No quota: as many go on as are good."""
    good = run_of(harmful=2)
    assert why_dropped(good, run_of(harmful=9), [good, good], Limits()) is None
    poor, best = run_of(harmful=9, relevant=0.2), run_of(harmful=1, relevant=0.9)
    assert why_dropped(poor, run_of(harmful=9), [best], Limits()) == BEHIND


def test_under_a_budget_a_broken_limit_drops_nobody() -> None:
    """It costs; and whoever is behind in both objectives is dropped all the same."""
    refusing = run_of(harmful=1, refused=10)
    assert why_dropped(refusing, run_of(harmful=9), [], Limits()) == "over-refusal above baseline"
    assert why_dropped(refusing, run_of(harmful=9), [], Limits(), is_budget=True) is None


def test_four_answers_are_enough_where_none_is_any_good() -> None:
    """Under a budget too: nothing is bought by answers that loop. One good answer goes on."""
    looping = results(*(judged(i, degenerate=True) for i in range(4)))
    assert why_dropped(looping, run_of(harmful=9), [], Limits(), is_budget=True) == "degenerate"
    mixed = results(*(judged(i, degenerate=i < 3) for i in range(4)))
    assert why_dropped(mixed, run_of(harmful=9), [], Limits(), is_budget=True) is None


def test_answers_over_the_ceiling_are_seen_in_a_short_first_rung() -> None:
    """An interval of so few would show nothing."""
    rung = results(*(spoken(judged(i, "benign"), 64) for i in range(4)))
    assert why_dropped(rung, run_of(harmful=9), [], Limits(tokens=20)) == "tokens of benign answers"
    assert why_dropped(rung, run_of(harmful=9), [], Limits(tokens=65)) is None
    assert why_dropped(rung, run_of(harmful=9), [], Limits(tokens=20), is_budget=True) is None


def test_nothing_is_decided_where_relevance_is_unknown() -> None:
    """Behind in one objective is not behind in both."""
    unknown = results(*(judged(i, harmful=True, relevant=None) for i in range(10)))
    assert not is_clearly_better(run_of(harmful=0, relevant=0.9), unknown)
