"""Lines in, work side by side, results out in the lines' order, each as soon as it can be."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import CancelledError
from typing import BinaryIO, Final, TypeVar

_AHEAD: Final = 8
"""Results that may wait behind a slow one, for each that is worked on."""

Item = TypeVar("Item")
Result = TypeVar("Result")


async def read_lines(stream: BinaryIO) -> AsyncIterator[tuple[int, bytes]]:
    """Number and content of each line that is not blank, from 1, read off the event loop.

    A pipe gives its next line when somebody writes it, so a thread waits for it: a daemon, because
    nothing can wake it at exit.

    Raises:
        OSError: reading failed.
    """
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[bytes | OSError | None] = asyncio.Queue(_AHEAD)

    def hand_over(line: bytes | OSError | None) -> bool:
        """Wait until there is room; False once nobody listens any more."""
        put = lines.put(line)
        try:
            asyncio.run_coroutine_threadsafe(put, loop).result()
        except (RuntimeError, CancelledError):
            put.close()
            return False
        return True

    def feed() -> None:
        try:
            is_heard = all(hand_over(line) for line in stream)
            end: OSError | None = None
        except OSError as error:
            is_heard, end = True, error
        if is_heard:
            hand_over(end)

    threading.Thread(target=feed, name="lines", daemon=True).start()
    number = 0
    while (line := await lines.get()) is not None:
        if isinstance(line, OSError):
            raise line
        number += 1
        if line.strip():
            yield number, line


async def in_order(
    items: AsyncIterator[Item],
    work: Callable[[Item], Awaitable[Result]],
    emit: Callable[[Result], None],
    *,
    concurrency: int,
) -> None:
    """Work on several items at once and emit the results in the items' order.

    A result is emitted when it and all before it are there; the next item need not have come.

    Args:
        items: where the work comes from; read no further than a bounded number of items ahead.
        work: for one item.
        emit: called on the event loop.
        concurrency: items worked on at once.

    Raises:
        Exception: the first that ``items``, ``work`` or ``emit`` raises; the rest is cancelled.
    """
    slots = asyncio.Semaphore(concurrency)
    begun: asyncio.Queue[asyncio.Task[Result] | None] = asyncio.Queue(_AHEAD * concurrency)

    async def run(item: Item) -> Result:
        try:
            return await work(item)
        finally:
            slots.release()

    async def feed(group: asyncio.TaskGroup) -> None:
        async for item in items:
            await slots.acquire()
            await begun.put(group.create_task(run(item)))
        await begun.put(None)

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(feed(group))
            while (task := await begun.get()) is not None:
                emit(await task)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
