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
    """Await the work; SIGINT and SIGTERM cancel it.

    Raises:
        asyncio.CancelledError: one of the two came.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)  # type: ignore[union-attr]  # inside a task
    try:
        return await work
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
