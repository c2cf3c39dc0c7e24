"""A policy folder followed in a server that is not ours, and its figures on that server's page."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from proxy.errors import PolicyError, Problem
from proxy.metrics import Metrics, catalogue
from proxy.operations.policy_watch import PolicyWatch
from proxy.policy.store import PolicyStore

_COUNTED = (
    catalogue.REQUESTS, catalogue.REQUEST_DURATION, catalogue.OVERHEAD_SECONDS,
    catalogue.UNGUARDED, catalogue.SETTINGS_IGNORED, catalogue.INTERNAL_ERRORS,
    catalogue.POLICY_RELOADS,
)  # fmt: skip


class WatchedPolicies:
    """Reads the folder when made, and follows it on whatever event loop requests come.

    Nobody promises to start and stop us: a mounted application gets no lifespan, and a test client
    may bring a new event loop with each request.

    Args:
        folder: must exist: a mistyped path would let every request pass unguarded.
        registry: where the figures are shown beside the server's own; None to show them nowhere.

    Attributes:
        metrics: what is counted in.

    Raises:
        PolicyError: there is no such folder.
        ValueError: the registry shows the figures of another folder already.
    """

    def __init__(self, folder: Path, registry: CollectorRegistry | None) -> None:
        if not folder.is_dir():
            message = "is no folder. Name the one that your policy files are in."
            raise PolicyError((Problem(str(folder), message),))
        self.metrics = Metrics()
        self._watch = PolicyWatch(PolicyStore(folder), self.metrics)
        self._loop: asyncio.AbstractEventLoop | None = None
        if registry is not None:
            registry.register(_Shown(self.metrics))

    @property
    def store(self) -> PolicyStore:
        """The policies in force."""
        return self._watch.store

    def follow(self) -> None:
        """Watch on the running event loop from now on; costs next to nothing where we do."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            self.store.reload()
            self._watch.start()

    async def close(self) -> None:
        """Stop watching, if it is this event loop on which we do; the policies stay."""
        if self._loop is asyncio.get_running_loop():
            self._loop = None
            await self._watch.close()


class _Shown(Collector):
    """The figures that mean something where somebody else's server answers."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        """Give them to prometheus_client."""
        metrics = self._metrics
        metrics.drop_retired()
        for spec in _COUNTED:
            yield from metrics.families[spec.name].collect()
        for gauge in (metrics.policy_info, metrics.policy_share, metrics.policy_problems,
                      metrics.policy_last_reload):  # fmt: skip
            yield from gauge.collect()

    def describe(self) -> Iterator[Metric]:
        """Name them, so that a registry refuses a second set under the same names."""
        return self.collect()
