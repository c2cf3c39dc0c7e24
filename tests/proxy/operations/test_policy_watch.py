"""The policy folder of a running server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from proxy.metrics import Metrics
from proxy.operations.policy_watch import PolicyWatch, live_policies
from proxy.policy.schema import PASSTHROUGH
from proxy.policy.store import PolicyStore
from tests.edge import write_policy


def _reloads(metrics: Metrics, result: str) -> float | None:
    name = "guardtune_policy_reloads_total"
    return metrics.registry.get_sample_value(name, {"result": result})


def test_folder_is_read_before_anything_is_served(tmp_path: Path) -> None:
    """And what is in force shows at once."""
    write_policy(tmp_path, "careful")
    metrics = Metrics()
    watch = PolicyWatch(PolicyStore(tmp_path), metrics)
    (policy,) = watch.store.snapshot.policies
    assert f'guardtune_policy_info{{policy="careful",sha="{policy.sha}"}} 1.0' in (
        metrics.render().decode()
    )
    assert _reloads(metrics, "loaded") == 1


def test_broken_file_is_counted_and_the_old_version_stays(tmp_path: Path) -> None:
    """Visible in metrics as well."""
    write_policy(tmp_path, "careful")
    metrics = Metrics()
    watch = PolicyWatch(PolicyStore(tmp_path), metrics)
    before = watch.store.snapshot.policies
    write_policy(tmp_path, "careful", "decoding: {temperature: hot}\n")
    watch.store.reload()
    assert watch.store.snapshot.policies == before
    assert _reloads(metrics, "failed") == 1
    assert metrics.registry.get_sample_value("guardtune_policy_problems") == 1


def test_changes_are_told_while_it_watches(tmp_path: Path) -> None:
    """From start to close."""
    write_policy(tmp_path, "careful")

    async def run() -> None:
        changed = asyncio.Event()
        watch = PolicyWatch(PolicyStore(tmp_path, poll_interval_s=0.05), Metrics())
        watch.subscribe(changed.set)
        watch.start()
        write_policy(tmp_path, "second")
        async with asyncio.timeout(20):
            await changed.wait()
        await watch.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("policies", "key_ids", "live"),
    [
        ({}, (), ["passthrough"]),
        ({"all": ""}, (), ["all"]),
        ({"other": "match: {models: [other]}"}, (), ["passthrough"]),
        ({"low": "", "high": "match: {priority: 5}"}, (), ["high"]),
        ({"base": "", "canary": "rollout: {share: 0.1}\nmatch: {priority: 5}"}, (),
         ["canary", "base"]),
        ({"shadow": "rollout: {share: 0.0}"}, (), ["shadow", "passthrough"]),
        ({"base": "", "team": "match: {keys: [team-a]}"}, ("team-a", "team-b"), ["team", "base"]),
        ({"base": "", "team": "match: {keys: [team-a]}"}, ("team-a",), ["team"]),
        ({"base": "", "team": "match: {keys: [team-a]}"}, (), ["base"]),
    ],
    ids=["none", "one", "not this model", "shadowed", "canary", "share 0", "keys", "all keys",
         "no keys"],
)  # fmt: skip
def test_live_policies_are_those_that_some_request_gets_or_that_are_tried_on_none(
    tmp_path: Path, policies: dict[str, str], key_ids: tuple[str, ...], live: list[str]
) -> None:
    """Only these are worth probing."""
    for name, rest in policies.items():
        write_policy(tmp_path, name, rest + "\n")
    store = PolicyStore(tmp_path)
    store.reload()
    found = live_policies(store.snapshot, model="m", key_ids=key_ids)
    assert [policy.name for policy in found] == live


def test_watch_tells_versions_in_the_folder_from_those_that_left(tmp_path: Path) -> None:
    """A begun probe goes on only for the former."""
    write_policy(tmp_path, "careful")
    watch = PolicyWatch(PolicyStore(tmp_path), Metrics())
    (old,) = watch.store.snapshot.policies
    assert watch.has(old)
    assert watch.has(PASSTHROUGH)
    write_policy(tmp_path, "careful", "decoding: {temperature: 0.1}\n")
    watch.store.reload()
    assert not watch.has(old)
