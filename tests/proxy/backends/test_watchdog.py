"""When an engine's process counts as hung, and that a busy one never does."""

from __future__ import annotations

import asyncio

from proxy.backends.watchdog import Patience, Watchdog, watch
from proxy.engine.stats import Pulse

PATIENCE = Patience(interval_s=1, answer_s=1, max_unanswered=3, step_s=4)


def _reasons(*pulses: Pulse | None) -> list[str | None]:
    watchdog = Watchdog(PATIENCE)
    return [watchdog.note(pulse) for pulse in pulses]


def test_silence_is_forgiven_until_it_is_too_long() -> None:
    """One answer starts the count anew."""
    well = Pulse()
    said = _reasons(None, None, well, None, None, None)
    assert said == [None] * 5 + ["no answer to 3 calls"]


def test_step_without_an_end_counts_as_hung() -> None:
    """The event loop still answers, the engine's thread does not get on, and somebody waits."""
    said = _reasons(Pulse(0, 7), *[Pulse(2, 7)] * 5)
    assert said == [None] * 5 + ["one step for 4 s"]


def test_long_work_in_many_steps_is_work() -> None:
    """A prompt of any length, however slow each of its steps is."""
    steps = [Pulse(1, n // 3) for n in range(60)]
    assert set(_reasons(*steps)) == {None}


def test_idle_engine_makes_no_steps() -> None:
    """Nobody waits for one."""
    assert set(_reasons(*[Pulse(0, 7)] * 20)) == {None}


def test_waiting_time_is_counted_from_the_first_who_waits() -> None:
    """An engine that was idle for long has not let anybody wait."""
    said = _reasons(*[Pulse(0, 7)] * 9, Pulse(1, 7), Pulse(1, 8), Pulse(0, 8), *[Pulse(1, 8)] * 4)
    assert set(said) == {None}


def test_watch_looks_until_patience_is_at_its_end() -> None:
    """And says why."""
    pulses = [Pulse(), None, None, None]

    async def look() -> Pulse | None:
        return pulses.pop(0)

    reason = asyncio.run(watch(look, Patience(interval_s=0.001)))
    assert reason == "no answer to 3 calls"
    assert pulses == []


def test_loading_may_take_far_longer_than_the_last_time_and_never_too_little() -> None:
    """A file that was in the system's cache then may have to be read from a slow disk now."""
    assert Patience(load_s=600).loading_s(2) == 600
    assert Patience(load_s=600).loading_s(300) == 6000
