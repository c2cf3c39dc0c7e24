"""Background tasks are kept, and never fail in silence."""

from __future__ import annotations

import asyncio
import gc

import pytest

from proxy.tasks import cancel, spawn


def test_task_survives_without_a_reference() -> None:
    """The event loop alone holds tasks weakly."""

    async def run() -> bool:
        started, done = asyncio.Event(), asyncio.Event()

        async def work() -> None:
            started.set()
            await asyncio.sleep(0)
            done.set()

        spawn(work(), name="work")
        await started.wait()
        gc.collect()
        await done.wait()
        return done.is_set()

    assert asyncio.run(run())


def test_failure_is_logged_with_the_tasks_name(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody awaits a background task."""

    async def fail() -> None:
        raise ZeroDivisionError

    async def run() -> None:
        await asyncio.wait([spawn(fail(), name="doomed")])

    asyncio.run(run())
    assert "name=doomed" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_cancel_waits_for_the_clean_up() -> None:
    """What a task holds is free once it returns."""
    events: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            events.append("cleaned up")

    async def run() -> None:
        task = spawn(work(), name="work")
        await asyncio.sleep(0)
        await cancel(task)
        events.append("cancelled")
        await cancel(task)
        await cancel(None)

    asyncio.run(run())
    assert events == ["cleaned up", "cancelled"]
