"""The policy folder while the server runs: watched, counted, and told to whom it concerns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from proxy.metrics import Metrics
from proxy.policy.match import offered
from proxy.policy.schema import PASSTHROUGH, Policy
from proxy.policy.snapshot import Snapshot
from proxy.policy.store import PolicyStore
from proxy.tasks import cancel, spawn


class PolicyWatch:
    """Reads the folder once when made, then watches it from `start` to `close`.

    Args:
        store: the folder's store.
        metrics: what is in force, reloads and problems.
    """

    def __init__(self, store: PolicyStore, metrics: Metrics) -> None:
        self.store = store
        self._metrics = metrics
        self._task: asyncio.Task[None] | None = None
        self._then: list[Callable[[], None]] = []
        store.subscribe(self._changed)
        store.reload()

    def subscribe(self, callback: Callable[[], None]) -> None:
        """Call back after each change of what is in force, or of what is wrong with the folder."""
        self._then.append(callback)

    def has(self, policy: Policy) -> bool:
        """Whether this very version is in the folder; passing through always is."""
        return policy == PASSTHROUGH or str(policy.ref) in self.store.snapshot.refs

    def start(self) -> None:
        """Begin to watch."""
        self._task = spawn(self.store.watch(), name="policy-watch")

    async def close(self) -> None:
        """Stop watching; the snapshot stays."""
        await cancel(self._task)

    def _changed(self, old: Snapshot, new: Snapshot) -> None:
        self._metrics.policies_in_force(policy.ref for policy in (*new.policies, PASSTHROUGH))
        self._metrics.policy_share.clear()
        for policy in new.policies:
            self._metrics.policy_share.labels(policy.name, policy.sha).set(new.share(policy))
        self._metrics.policy_problems.set(len(new.problems))
        if new.refs != old.refs or new.decided != old.decided:
            self._metrics.policy_last_reload.set(new.loaded_at)
        if self.store.last_reload is not None:
            self._metrics.policy_reloads.labels(self.store.last_reload.result).inc()
        for callback in self._then:
            callback()


def live_policies(snapshot: Snapshot, *, model: str, key_ids: Iterable[str]) -> tuple[Policy, ...]:
    """Return the policies that some request for a model would get now.

    A policy is shadowed, and not live, where a better match without a rollout takes every request.

    Args:
        snapshot: what is in force.
        model: served name.
        key_ids: ids of all API keys; none where the server asks for no key.
    """
    live: dict[str, Policy] = {}
    for key_id in tuple(key_ids) or (None,):
        live |= {policy.name: policy for policy, _ in offered(snapshot, model, key_id)}
    return tuple(live.values())
