"""Background tasks of the event loop, kept alive and never silent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

_log = logging.getLogger(__name__)
_running: set[asyncio.Task[Any]] = set()


def spawn(coroutine: Coroutine[Any, Any, Any], *, name: str) -> asyncio.Task[Any]:
    """Start a background task, keep a reference to it, and log its failure.

    The event loop holds tasks weakly: without a reference one can vanish midway.

    Args:
        coroutine: what to run.
        name: appears in logs and in ``asyncio.all_tasks()``.

    Returns:
        The task, for cancelling or waiting.
    """
    task = asyncio.get_running_loop().create_task(coroutine, name=name)
    _running.add(task)
    task.add_done_callback(_retire)
    return task


def _retire(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("task_failed name=%s", task.get_name(), exc_info=error)


async def cancel(task: asyncio.Task[Any] | None) -> None:
    """Cancel a task and wait until it has ended; its failure, if any, was logged already."""
    if task is None:
        return
    task.cancel()
    await asyncio.wait([task])
