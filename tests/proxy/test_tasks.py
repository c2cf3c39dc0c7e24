"""Background tasks live as long as they run and never fail silently."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading

import pytest

from proxy.tasks import begin_in_thread, cancel, spawn


def test_task_survives_garbage_collection_without_a_reference() -> None:
    """The event loop itself holds tasks weakly."""

    async def scenario() -> bool:
        started, done = asyncio.Event(), asyncio.Event()

        async def work() -> None:
            started.set()
            await asyncio.sleep(0)
            done.set()

        spawn(work(), name="work")
        await started.wait()
        gc.collect()
        async with asyncio.timeout(5):
            await done.wait()
        return True

    assert asyncio.run(scenario())


def test_failure_is_logged_with_the_name_of_the_task(caplog: pytest.LogCaptureFixture) -> None:
    """A background failure that nobody awaits still reaches the log."""

    async def fail() -> None:
        raise ValueError("broken")

    async def scenario() -> None:
        task = spawn(fail(), name="probe")
        await asyncio.wait([task])
        await asyncio.sleep(0)

    with caplog.at_level(logging.ERROR):
        asyncio.run(scenario())
    assert "task_failed name=probe" in caplog.text
    assert "broken" in caplog.text


def test_cancel_waits_until_the_task_has_ended() -> None:
    """Cleanup in the task has run when `cancel` returns; None is no task."""

    async def scenario() -> list[str]:
        events: list[str] = []

        async def work() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                events.append("cleaned")

        task = spawn(work(), name="work")
        await asyncio.sleep(0)
        await cancel(task)
        await cancel(None)
        return events

    assert asyncio.run(scenario()) == ["cleaned"]


def test_thread_hands_over_what_comes_of_its_work() -> None:
    """A result, or what it raised."""

    def fail() -> None:
        raise ValueError("broken")

    async def scenario() -> None:
        found = await asyncio.wrap_future(begin_in_thread(threading.current_thread, name="disk"))
        assert found.name == "disk"
        with pytest.raises(ValueError, match="broken"):
            await asyncio.wrap_future(begin_in_thread(fail, name="disk"))

    asyncio.run(scenario())


def test_thread_that_hangs_is_waited_for_by_nobody() -> None:
    """Neither by whoever has given up, nor by the end of the loop."""
    disk = threading.Event()
    last_resort = threading.Timer(20, disk.set)
    last_resort.start()

    async def scenario() -> None:
        begun = begin_in_thread(disk.wait, name="disk")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.wrap_future(begun), 0.001)
        assert not begun.done()

    asyncio.run(scenario())
    assert not disk.is_set()
    last_resort.cancel()
    disk.set()
