"""What runs beside the requests, started and stopped in order: policies, models, judge, probes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from proxy.admission import Admission
from proxy.errors import GuardTuneError
from proxy.operations.honoured import ignored_settings, warn_of_ignored
from proxy.operations.judging import Judges
from proxy.operations.live import LiveJudge
from proxy.operations.policy_watch import PolicyWatch
from proxy.operations.prewarm import Prewarm
from proxy.operations.probe_schedule import ProbeSchedule
from proxy.operations.probes import Probes
from proxy.operations.rollout import Rollout
from proxy.operations.served import ServedModels
from proxy.tasks import cancel, spawn
from proxy.upstream.base import UpstreamClient

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a service.

    Args:
        models: started one after the other, in the background.
        policies: watched from start to close.
        judges: started after the models; shared by live traffic and probes.
        live: judges users' answers.
        probes: judges labelled prompts.
        schedule: has them judge others from time to time.
        rollout: has canaries probed more often, and decides about them.
        prewarm: has local engines compute a new policy's beginning.
        admission: turned to draining before the server stops.
        client: connections that several backends share; None where no backend needs them.
    """

    models: ServedModels
    policies: PolicyWatch
    judges: Judges
    live: LiveJudge
    probes: Probes
    schedule: ProbeSchedule
    rollout: Rollout
    prewarm: Prewarm
    admission: Admission
    client: UpstreamClient | None = None


class Service:
    """Starts the parts without keeping the server from listening, and closes them all.

    Loading a model takes from a second to minutes. Meanwhile ``/health`` answers and ``/ready``
    says 503. When something cannot be loaded, ``failure`` holds the reason and ``on_failure`` is
    called.

    Args:
        parts: not started yet.

    Attributes:
        on_ready: called once, on the event loop, when everything is loaded.
        on_failure: called once, on the event loop, instead of that.
        failure: why something could not be loaded.
    """

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.on_ready: Callable[[], None] = _nothing
        self.on_failure: Callable[[], None] = _nothing
        self.failure: Exception | None = None
        self._loading: asyncio.Task[None] | None = None
        self._is_loaded = False

    def start(self) -> None:
        """Begin to watch policies and to load models and judges."""
        self.parts.policies.subscribe(self._policies_changed)
        self.parts.policies.start()
        self._loading = spawn(self._load(), name="load")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start on entering and close on leaving."""
        self.start()
        try:
            yield
        finally:
            await self.close()

    async def loaded(self) -> None:
        """Wait until models and judges are there, or could not be loaded."""
        if self._loading is not None:
            await asyncio.wait([self._loading])

    def drain(self) -> None:
        """Let running answers finish, and nothing new begin."""
        self.parts.admission.drain()

    async def close(self) -> None:
        """Stop everything, in the reverse order of starting; what was not judged is counted."""
        await cancel(self._loading)
        await self.parts.policies.close()
        await self.parts.rollout.close()
        await self.parts.schedule.close()
        await self.parts.probes.close()
        await self.parts.prewarm.close()
        await self.parts.live.close()
        await self.parts.judges.close()
        await self.parts.models.close()
        if self.parts.client is not None:
            await self.parts.client.close()

    async def _load(self) -> None:
        try:
            await self.parts.models.start()
            await self.parts.judges.start()
        except GuardTuneError as error:
            self._fail(error)
            return
        except Exception as error:
            self._fail(error)
            raise
        self.parts.live.start()
        self._is_loaded = True
        self._policies_changed()
        self.parts.schedule.start()
        self.parts.rollout.start()
        self.parts.models.on_return(self._model_returned)
        self.on_ready()

    def _policies_changed(self) -> None:
        """Probes wait until all is loaded: a judge that is not there yet would score nothing."""
        snapshot = self.parts.policies.store.snapshot
        warn_of_ignored(ignored_settings(snapshot, self.parts.models.ready()))
        self.parts.prewarm.refresh()
        if self._is_loaded:
            self.parts.probes.refresh()

    def _model_returned(self, model: str) -> None:
        """What its policies put first is computed again; what it missed meanwhile is probed."""
        self.parts.prewarm.forget(model)
        self.parts.prewarm.refresh()
        self.parts.probes.try_again(model)
        self.parts.probes.refresh()

    def _fail(self, error: Exception) -> None:
        self.failure = error
        self.on_failure()


def _nothing() -> None:
    """Nobody asked to be told."""
