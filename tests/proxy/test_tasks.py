"""Background tasks live as long as they run and never fail silently."""

from __future__ import annotations

import asyncio
import gc
import logging

import pytest

from proxy.tasks import cancel, spawn


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
