"""How long a dead process stays dead."""

from __future__ import annotations

from proxy.backends.backoff import Backoff


def test_delays_double_up_to_a_bound() -> None:
    """A process that dies at once does not keep a core busy with dying."""
    backoff = Backoff(first_s=1, most_s=5)
    assert [backoff.delay_s(lived_s=0) for _ in range(5)] == [1, 2, 4, 5, 5]


def test_a_life_makes_up_for_earlier_deaths() -> None:
    """One death a day is always followed by a quick restart."""
    backoff = Backoff(first_s=1, most_s=100, forgets_after_s=60)
    assert [backoff.delay_s(lived_s=lived_s) for lived_s in (59, 59, 60, 0)] == [1, 2, 1, 2]
