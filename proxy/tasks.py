"""Background tasks of the event loop, kept alive and never silent; and what would block it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")

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


def begin_in_thread(work: Callable[[], T], *, name: str) -> Future[T]:
    """Begin what waits for a disk, in a thread of its own that nobody has to wait for.

    A disk that hangs keeps its thread for ever. Those of `asyncio.to_thread` are few, and a process
    cannot end before they have.

    Args:
        work: cannot be stopped; its outcome may be ignored.
        name: the thread's.

    Returns:
        What `asyncio.wrap_future` can be awaited for.
    """
    result: Future[T] = Future()
    result.set_running_or_notify_cancel()  # whoever stops waiting does not stop the work

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as error:  # noqa: BLE001 - handed over to whoever waits
            result.set_exception(error)

    Thread(target=run, name=name, daemon=True).start()
    return result
