"""So many at once, first come, first served."""

from __future__ import annotations

import asyncio

from proxy.upstream.slots import Slots


def test_no_more_than_there_are() -> None:
    """One that is given back can be taken again."""
    slots = Slots(2)
    assert [slots.take() for _ in range(3)] == [True, True, False]
    slots.free()
    assert slots.take()


def test_first_come_first_served() -> None:
    """A slot that is given back goes to the longest waiting; nobody can take it in between."""

    async def run() -> list[str]:
        slots, order = Slots(1), list[str]()
        assert slots.take()

        async def wait(name: str) -> None:
            await slots.wait()
            order.append(name)

        async with asyncio.TaskGroup() as group:
            group.create_task(wait("first"))
            group.create_task(wait("second"))
            await asyncio.sleep(0)
            slots.free()
            assert not slots.take()
            await asyncio.sleep(0)
            slots.free()
        return order

    assert asyncio.run(run()) == ["first", "second"]


def test_who_gives_up_is_passed_over() -> None:
    """Also when the slot was handed over in the same moment."""

    async def run() -> bool:
        slots = Slots(1)
        assert slots.take()
        gone, late = [asyncio.get_running_loop().create_task(slots.wait()) for _ in range(2)]
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait([gone])
        slots.free()
        late.cancel()
        await asyncio.wait([late])
        assert late.cancelled()
        return slots.take()

    assert asyncio.run(run())
