"""Lines in, results out, in order and as soon as possible."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator

import pytest

from proxy.evaluation.line_stream import in_order, read_lines


async def _each(items: list[int]) -> AsyncIterator[int]:
    for item in items:
        yield item


def _read(content: bytes) -> list[tuple[int, bytes]]:
    async def run() -> list[tuple[int, bytes]]:
        return [line async for line in read_lines(io.BytesIO(content))]

    return asyncio.run(run())


def test_lines_keep_their_numbers_and_blank_ones_are_left_out() -> None:
    """A message about line 3 means line 3 of the file."""
    assert _read(b"a\n\n  \r\nb") == [(1, b"a\n"), (4, b"b")]
    assert _read(b"") == []


def test_many_lines_pass_through_a_bounded_queue() -> None:
    """More than fit at once."""
    assert len(_read(b"x\n" * 1000)) == 1000


def test_reading_that_fails_midway_is_told() -> None:
    """What came before it was handed over."""

    class Broken(io.BytesIO):
        def __next__(self) -> bytes:
            if line := self.readline():
                return line
            raise OSError(5, "Input/output error")

    seen: list[bytes] = []

    async def run() -> None:
        async for _, line in read_lines(Broken(b"a\n")):
            seen.append(line)

    with pytest.raises(OSError, match="Input/output"):
        asyncio.run(run())
    assert seen == [b"a\n"]


def test_results_come_in_order_however_long_each_takes() -> None:
    """The first is the slowest here, and the others wait for it."""
    emitted: list[int] = []
    gates = {item: asyncio.Event() for item in range(3)}

    async def work(item: int) -> int:
        if item < 2:
            gates[item + 1].set()
            await gates[item].wait() if item else await gates[2].wait()
        else:
            gates[2].set()
        return item

    asyncio.run(in_order(_each([0, 1, 2]), work, emitted.append, concurrency=3))
    assert emitted == [0, 1, 2]


def test_no_more_than_the_concurrency_is_worked_on() -> None:
    """A judge's model has so many slots."""
    running = most = 0

    async def work(item: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return item

    emitted: list[int] = []
    asyncio.run(in_order(_each(list(range(50))), work, emitted.append, concurrency=4))
    assert emitted == list(range(50))
    assert most == 4


def test_result_is_there_before_the_next_line_comes() -> None:
    """Whoever writes into a pipe may wait for each verdict."""
    reading, writing = os.pipe()
    emitted: list[bytes] = []

    async def work(numbered: tuple[int, bytes]) -> bytes:
        return numbered[1]

    async def run(stream: io.BufferedReader) -> None:
        arrived = asyncio.Event()

        def emit(line: bytes) -> None:
            emitted.append(line)
            arrived.set()

        running = asyncio.gather(in_order(read_lines(stream), work, emit, concurrency=2))
        for line in (b"first\n", b"second\n"):
            arrived.clear()
            os.write(writing, line)
            await arrived.wait()
        os.close(writing)
        await running

    with os.fdopen(reading, "rb") as stream:
        asyncio.run(asyncio.wait_for(run(stream), 10))
    assert emitted == [b"first\n", b"second\n"]


def test_failure_ends_the_work_with_its_own_error() -> None:
    """Not with a group of errors, and the rest is cancelled."""

    async def work(item: int) -> int:
        if item == 3:
            raise ZeroDivisionError
        return item

    emitted: list[int] = []
    with pytest.raises(ZeroDivisionError):
        asyncio.run(in_order(_each(list(range(9))), work, emitted.append, concurrency=2))
    assert emitted == [0, 1, 2]
