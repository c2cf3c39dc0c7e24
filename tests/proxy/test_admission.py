"""Admission: bounded, fair, and never a slot too many or too few."""

from __future__ import annotations

import asyncio

import pytest

from proxy.admission import Admission
from proxy.errors import OverloadedError


def _admission(*, slots: int = 1, queue: int = 1, timeout_s: float = 60.0) -> Admission:
    return Admission(max_in_flight=slots, max_queued=queue, timeout_s=timeout_s)


class _Visitor:
    """Holds a slot until told to leave."""

    def __init__(self, admission: Admission, log: list[str], name: str) -> None:
        self.leave = asyncio.Event()
        self.task = asyncio.get_running_loop().create_task(self._visit(admission, log, name))

    async def _visit(self, admission: Admission, log: list[str], name: str) -> None:
        async with admission:
            log.append(name)
            await self.leave.wait()


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_slots_are_handed_on_in_order() -> None:
    """First come, first served."""

    async def run() -> list[str]:
        admission = _admission(queue=2)
        log: list[str] = []
        visitors = [_Visitor(admission, log, name) for name in "abc"]
        await _settle()
        assert (admission.in_flight, admission.queued) == (1, 2)
        for visitor in visitors:
            visitor.leave.set()
        await asyncio.gather(*(visitor.task for visitor in visitors))
        assert (admission.in_flight, admission.queued) == (0, 0)
        return log

    assert asyncio.run(run()) == ["a", "b", "c"]


def test_full_queue_turns_away_at_once() -> None:
    """The longer the queue, the later the retry."""

    async def run() -> OverloadedError:
        admission = _admission(queue=2)
        visitors = [_Visitor(admission, [], name) for name in "abc"]
        await _settle()
        with pytest.raises(OverloadedError) as caught:
            async with admission:
                pass
        for visitor in visitors:
            visitor.leave.set()
        await asyncio.gather(*(visitor.task for visitor in visitors))
        return caught.value

    error = asyncio.run(run())
    assert (error.reason, error.retry_after_s) == ("queue_full", 3)


def test_waiting_too_long_turns_away() -> None:
    """A client is told, instead of waiting for ever."""

    async def run() -> tuple[str, int]:
        admission = _admission(timeout_s=0.0)
        visitor = _Visitor(admission, [], "a")
        await _settle()
        with pytest.raises(OverloadedError) as caught:
            async with admission:
                pass
        visitor.leave.set()
        await visitor.task
        return caught.value.reason, admission.in_flight

    assert asyncio.run(run()) == ("queue_timeout", 0)


def test_client_that_leaves_the_queue_frees_its_place() -> None:
    """And takes no slot with it."""

    async def run() -> tuple[int, int]:
        admission = _admission()
        log: list[str] = []
        first, second = _Visitor(admission, log, "a"), _Visitor(admission, log, "b")
        await _settle()
        second.task.cancel()
        await asyncio.wait([second.task])
        first.leave.set()
        await first.task
        assert log == ["a"]
        return admission.in_flight, admission.queued

    assert asyncio.run(run()) == (0, 0)


def test_slot_handed_to_someone_who_is_just_leaving_goes_on_to_the_next() -> None:
    """Handed over and cancelled in the same round of the loop: the slot must not be lost."""

    async def run() -> list[str]:
        admission = _admission(queue=2)
        log: list[str] = []
        first, second, third = (_Visitor(admission, log, name) for name in "abc")
        await _settle()
        first.leave.set()
        await asyncio.wait([first.task])
        second.task.cancel()
        third.leave.set()
        await asyncio.wait([second.task, third.task])
        assert admission.in_flight == 0
        return log

    assert "c" in asyncio.run(run())


def test_draining_lets_nobody_in_and_those_inside_finish() -> None:
    """What happens at SIGTERM."""

    async def run() -> list[str]:
        admission = _admission(queue=2)
        log: list[str] = []
        inside, waiting = _Visitor(admission, log, "a"), _Visitor(admission, log, "b")
        await _settle()
        admission.drain()
        await asyncio.wait([waiting.task])
        error = waiting.task.exception()
        assert isinstance(error, OverloadedError)
        with pytest.raises(OverloadedError) as caught:
            async with admission:
                pass
        inside.leave.set()
        await inside.task
        assert admission.in_flight == 0
        return [error.reason, caught.value.reason]

    assert asyncio.run(run()) == ["draining", "draining"]
