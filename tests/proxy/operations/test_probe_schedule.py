"""Rounds follow one another with a pause between."""

from __future__ import annotations

import asyncio

from proxy.metrics import Metrics
from proxy.operations.judging import Judges
from proxy.operations.probe_history import ProbeHistory
from proxy.operations.probe_plan import ProbePlan
from proxy.operations.probe_schedule import ProbeSchedule
from proxy.operations.probes import Probes
from proxy.operations.target import Target
from proxy.policy.schema import PASSTHROUGH
from proxy.suites.builtin import load_builtin
from tests.edge import StubJudge, scripted


def _probes() -> Probes:
    targets = [Target(scripted(), PASSTHROUGH)]
    return Probes(
        ProbePlan(load_builtin().select(split="probe"), 2),
        lambda: targets,
        Judges(StubJudge()),
        Metrics(),
        may_finish=lambda _target: True,
        history=ProbeHistory(limit=9),
    )


def test_round_begins_an_interval_after_the_last_one_ended() -> None:
    """Jitter makes it a little longer or shorter; what is still running is waited for."""
    pauses: list[tuple[float, int]] = []
    draws = iter((0.0, 0.5, 0.75))
    enough = asyncio.Event()

    async def run() -> None:
        probes = _probes()

        async def sleep(seconds: float) -> None:
            assert probes.running is None
            pauses.append((seconds, len(probes.history)))
            if len(pauses) == 3:
                enough.set()
                await asyncio.Event().wait()

        schedule = ProbeSchedule(
            probes, interval_s=100.0, jitter=0.1, sleep=sleep, uniform=lambda: next(draws)
        )
        probes.refresh()
        schedule.start()
        await enough.wait()
        await schedule.close()
        await probes.close()

    asyncio.run(run())
    assert pauses == [(90.0, 1), (100.0, 2), (105.0, 3)]


def test_no_interval_means_no_rounds() -> None:
    """Only the start and policy changes are probed then."""

    async def run() -> None:
        schedule = ProbeSchedule(_probes(), interval_s=None)
        schedule.start()
        assert len(asyncio.all_tasks()) == 1
        await schedule.close()

    asyncio.run(run())
