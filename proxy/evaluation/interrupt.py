"""Ctrl-C and SIGTERM as a cancellation, so that work in hand ends in order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable
from typing import TypeVar

_T = TypeVar("_T")

INTERRUPTED = 130
"""Exit code of a run that was stopped, and can go on."""


async def interruptible(work: Awaitable[_T]) -> _T:
    """Await the work; SIGINT and SIGTERM cancel it, and do afterwards what they did before.

    asyncio itself leaves the system's own handlers behind, so that those of a library in the same
    process (Ray's, which ends its workers) would be lost.

    Raises:
        asyncio.CancelledError: one of the two came.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        loop.add_signal_handler(number, task.cancel)  # type: ignore[union-attr]  # inside a task
    try:
        return await work
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            if handler is not None:  # None is one that Python did not set, and cannot
                signal.signal(number, handler)
