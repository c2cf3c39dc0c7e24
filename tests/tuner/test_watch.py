"""A run's own time."""

from __future__ import annotations

from tuner.watch import Watch


def test_a_resumed_watch_goes_on_from_the_time_written_down() -> None:
    """The time between sessions does not count."""
    now = 100.0
    watch = Watch(lambda: now)
    now = 130.0
    assert watch.elapsed_s() == 30.0
    watch.set(500.0)
    now = 131.0
    assert watch.elapsed_s() == 501.0
