"""The end of a process that tells what it does."""

from __future__ import annotations

from threading import Event

from proxy.middleware.otel.last_call import LastCall


class _Part:
    def __init__(self, may_end: Event | None = None) -> None:
        self.has_sent = Event()
        self._may_end = may_end

    def shutdown(self) -> None:
        if self._may_end is not None:
            self._may_end.wait()
        self.has_sent.set()


def test_part_that_hangs_keeps_neither_the_others_nor_us() -> None:
    """Side by side; it goes on by itself as long as there is a process."""
    may_end = Event()
    quick, stuck = _Part(), _Part(may_end)
    call = LastCall([stuck, quick], within_s=0.01)
    assert not quick.has_sent.is_set()
    call.now()
    assert quick.has_sent.wait(30)
    assert not stuck.has_sent.is_set()
    may_end.set()
    assert stuck.has_sent.wait(30)


def test_whoever_is_quick_is_waited_for() -> None:
    """With time enough, everything has been sent afterwards."""
    part = _Part()
    LastCall([part], within_s=30).now()
    assert part.has_sent.is_set()
