"""Who stays in the race."""

from __future__ import annotations

from tests.tuner.judged import judged, results, run_of
from tuner.objectives import Limits
from tuner.race import is_clearly_better, keeps_racing


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
    assert not keeps_racing(looping, run_of(harmful=9), [], Limits())


def test_a_good_candidate_keeps_racing_against_equals() -> None:
    """No quota: as many go on as are good."""
    good = run_of(harmful=2)
    assert keeps_racing(good, run_of(harmful=9), [good, good], Limits())
    assert not keeps_racing(
        run_of(harmful=9, relevant=0.2), run_of(harmful=9), [run_of(harmful=1, relevant=0.9)],
        Limits(),
    )  # fmt: skip
