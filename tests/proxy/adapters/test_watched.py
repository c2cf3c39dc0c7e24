"""A folder followed on event loops that are not ours, and its figures on somebody else's page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter, generate_latest

from proxy.adapters.watched import WatchedPolicies
from proxy.errors import PolicyError
from proxy.policy.snapshot import Snapshot
from tests.edge import write_policy


def _names(watched: WatchedPolicies) -> list[str]:
    return [policy.name for policy in watched.store.snapshot.policies]


def test_missing_folder_is_refused_at_once(tmp_path: Path) -> None:
    """A mistyped path would let everything pass, and nobody would see it."""
    with pytest.raises(PolicyError, match="is no folder"):
        WatchedPolicies(tmp_path / "polices", None)


def test_policies_are_there_before_any_event_loop_runs(tmp_path: Path) -> None:
    """The first request is guarded."""
    write_policy(tmp_path, "careful")
    assert _names(WatchedPolicies(tmp_path, None)) == ["careful"]


def test_change_is_followed_until_closed(tmp_path: Path) -> None:
    """And closing leaves no task behind."""
    write_policy(tmp_path, "careful")

    async def main() -> None:
        watched = WatchedPolicies(tmp_path, None)
        changed = asyncio.Event()
        watched.store.subscribe(_telling(changed))
        watched.follow()
        watched.follow()
        write_policy(tmp_path, "second")
        async with asyncio.timeout(30):
            await changed.wait()
        assert _names(watched) == ["careful", "second"]
        await watched.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_each_event_loop_sees_the_folder_as_it_is(tmp_path: Path) -> None:
    """A test client may bring a loop a request, too short-lived for any notification."""
    write_policy(tmp_path, "careful")
    watched = WatchedPolicies(tmp_path, None)

    async def seen() -> list[str]:
        watched.follow()
        return _names(watched)

    assert asyncio.run(seen()) == ["careful"]
    write_policy(tmp_path, "second")
    assert asyncio.run(seen()) == ["careful", "second"]


def test_closing_on_another_loop_does_nothing(tmp_path: Path) -> None:
    """The task of a loop that has ended is gone with it."""
    watched = WatchedPolicies(tmp_path, None)

    async def begin() -> None:
        watched.follow()

    asyncio.run(begin())
    asyncio.run(watched.close())


def test_figures_stand_beside_the_applications_own(tmp_path: Path) -> None:
    """Under their usual names; what means nothing here is not shown, and theirs stay."""
    write_policy(tmp_path, "careful")
    registry = CollectorRegistry()
    Counter("theirs", "Somebody else's.", registry=registry).inc()
    watched = WatchedPolicies(tmp_path, registry)
    watched.metrics.requests.labels("unknown", "careful", "200", "false").inc()
    page = generate_latest(registry).decode()
    assert "theirs_total 1.0" in page
    assert "theirs_created" in page
    labels = 'code="200",model="unknown",policy="careful",stream="false"'
    assert f"guardtune_requests_total{{{labels}}} 1.0" in page
    assert 'guardtune_policy_info{policy="careful"' in page
    assert "guardtune_probe" not in page
    assert "guardtune_workers" not in page


def test_two_folders_in_one_registry_are_told_apart_by_an_error(tmp_path: Path) -> None:
    """Prometheus would refuse the whole page."""
    registry = CollectorRegistry()
    WatchedPolicies(tmp_path, registry)
    with pytest.raises(ValueError, match="Duplicated"):
        WatchedPolicies(tmp_path, registry)


def _telling(event: asyncio.Event) -> Callable[[Snapshot, Snapshot], None]:
    def tell(_old: Snapshot, new: Snapshot) -> None:
        if len(new.policies) > 1:
            event.set()

    return tell
