"""Ctrl-C is a cancellation."""

from __future__ import annotations

import asyncio
import os
import signal
from types import FrameType

import pytest

from proxy.evaluation.interrupt import interruptible


async def _number() -> int:
    return 3


def test_work_that_ends_gives_its_result() -> None:
    """And the signals are as before, also where a library has set its own."""

    def of_a_library(_number: int, _frame: FrameType | None) -> None:
        """As Ray's, which ends its workers."""

    before = signal.signal(signal.SIGTERM, of_a_library)
    try:
        assert asyncio.run(interruptible(_number())) == 3
        assert signal.getsignal(signal.SIGTERM) is of_a_library
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_the_work(number: signal.Signals) -> None:
    """Its `finally` runs."""
    ended: list[str] = []

    async def endless() -> None:
        try:
            os.kill(os.getpid(), number)
            await asyncio.Event().wait()
        finally:
            ended.append("in order")

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(interruptible(endless()))
    assert ended == ["in order"]
