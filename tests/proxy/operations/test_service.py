"""What runs beside the requests starts, fails and stops in order."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from proxy.domain import Exchange, Verdict
from proxy.errors import ModelLoadError, OverloadedError
from tests.edge import StubJudge, assemble, by_label, running, scripted, write_policy


def test_service_is_ready_when_models_and_judge_are(tmp_path: Path) -> None:
    """Then it probes what is live."""
    write_policy(tmp_path, "careful")
    backend = scripted()
    proxy = assemble(tmp_path, [backend], probing={"prompts_per_kind": 2})

    async def run() -> None:
        async with running(proxy):
            await proxy.service.parts.probes.idle.wait()

    asyncio.run(run())
    assert [report.policy.name for report in proxy.service.parts.probes.reports] == ["careful"]
    assert len(backend.requests) == 4


def test_changed_policy_is_probed_without_being_asked(tmp_path: Path) -> None:
    """A dropped-in policy takes effect and is measured."""
    write_policy(tmp_path, "careful")
    proxy = assemble(tmp_path, probing={"prompts_per_kind": 1})
    parts = proxy.service.parts

    async def run() -> None:
        async with running(proxy):
            await parts.probes.idle.wait()
            write_policy(tmp_path, "careful", "decoding: {temperature: 0.1}\n")
            parts.policies.store.reload()
            await parts.probes.idle.wait()

    asyncio.run(run())
    (report,) = parts.probes.reports
    assert report.policy == parts.policies.store.snapshot.policies[0].ref


def test_policy_edited_while_the_judge_loads_is_probed_once_that_is_there(tmp_path: Path) -> None:
    """Before, every verdict would be unscored, and the round would be over."""
    write_policy(tmp_path, "careful")
    backend, judge = scripted(), StubJudge()
    loading, may_load = asyncio.Event(), asyncio.Event()

    async def load() -> None:
        loading.set()
        await may_load.wait()

    judge.start = load  # type: ignore[method-assign]  # a judge that takes its time
    proxy = assemble(tmp_path, [backend], judge=judge, probing={"prompts_per_kind": 1})
    parts = proxy.service.parts

    async def run() -> None:
        async with proxy.service.running():
            await loading.wait()
            write_policy(tmp_path, "careful", "decoding: {temperature: 0.1}\n")
            parts.policies.store.reload()
            assert parts.probes.running is None
            may_load.set()
            await proxy.service.loaded()
            await parts.probes.idle.wait()

    asyncio.run(run())
    (report,) = parts.probes.reports
    assert report.policy == parts.policies.store.snapshot.policies[0].ref
    assert (report.harmful.n, report.unscored) == (1, 0)
    assert len(backend.requests) == 2


def test_model_that_is_back_is_asked_for_what_it_owes(tmp_path: Path) -> None:
    """Its engine has crashed under a probe; the next round may be an hour away."""
    write_policy(tmp_path, "careful")
    is_up = False

    def decide(exchange: Exchange) -> Verdict:
        return by_label(exchange) if is_up else Verdict("stub-1", "unscored")

    proxy = assemble(tmp_path, judge=StubJudge(decide), probing={"prompts_per_kind": 1})
    parts = proxy.service.parts

    async def run() -> None:
        nonlocal is_up
        async with running(proxy):
            await parts.probes.idle.wait()
            assert parts.probes.reports[0].unscored == 2
            is_up = True
            proxy.service._model_returned("fake")
            await parts.probes.idle.wait()

    asyncio.run(run())
    (report,) = parts.probes.reports
    assert (report.harmful.n, report.unscored) == (1, 0)


def test_model_that_cannot_be_loaded_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The server then stops with the reason."""
    backend, told = scripted(), []

    async def fail() -> None:
        raise ModelLoadError("no such file: x.gguf", model="fake")

    backend.start = fail  # type: ignore[method-assign]  # a fault that the script cannot express
    proxy = assemble(tmp_path, [backend])
    proxy.service.on_failure = lambda: told.append(proxy.service.failure)

    async def run() -> None:
        async with running(proxy):
            await asyncio.sleep(0)

    asyncio.run(run())
    assert [str(error) for error in told] == ["no such file: x.gguf"]
    assert "Traceback" not in caplog.text


def test_draining_lets_nobody_in(tmp_path: Path) -> None:
    """At SIGTERM."""
    proxy = assemble(tmp_path)

    async def run() -> None:
        async with running(proxy):
            proxy.service.drain()
            with pytest.raises(OverloadedError, match="draining"):
                await proxy.service.parts.admission.__aenter__()

    asyncio.run(run())


def test_service_runs_as_long_as_its_block(tmp_path: Path) -> None:
    """As an application's lifespan: started on entering, closed on leaving."""
    proxy = assemble(tmp_path)

    async def run() -> None:
        async with proxy.service.running():
            await proxy.service.loaded()
            assert proxy.service.parts.models.ready()
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(run())
