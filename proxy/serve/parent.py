"""The parent of several workers: it has everything of which a server has one.

It watches the policy folder, owns the engines, has workers probe, decides on rollouts, adds the
workers' figures up, and answers the pages that show all this, on a unix socket that they ask.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from proxy.app import Page, Shared, build
from proxy.backends.private_folder import private_folder
from proxy.backends.spawned import SpawnedEngines
from proxy.errors import GuardTuneError
from proxy.operations.judging import JudgesElsewhere
from proxy.serve.delegated_probes import DelegatedProbes
from proxy.serve.listener import another
from proxy.serve.messages import Engines, Failed, Orders, Policies
from proxy.serve.server import Server, run
from proxy.serve.share import share_of
from proxy.serve.worker_process import WorkerProcess, spawn_worker
from proxy.serve.workers import Workers
from proxy.settings import Settings
from proxy.tasks import spawn
from proxy.wire.http_server import server_config

_PAGES = "pages.sock"

_LOOK_EVERY_S = 0.1

_DRAIN_MARGIN_S = 10.0
"""What a worker may take beyond its drain time, for closing judges and connections."""


class Parent:
    """A server of several processes, not started yet; the same errors as for one process.

    Args:
        settings: with more than one worker.
        environ: where secrets are looked up.

    Attributes:
        proxy: everything that there is one of; its own application serves nobody.
    """

    def __init__(self, settings: Settings, *, environ: Mapping[str, str]) -> None:
        self._settings = settings
        self._engines = SpawnedEngines()
        self._workers: Workers
        probes = DelegatedProbes(lambda: self._workers.prober())  # noqa: PLW0108 - they come later
        shared = Shared(
            engines=self._engines,
            evaluate=probes.evaluate,
            judges=partial(JudgesElsewhere, start_engines=self._engines.start_rest),
        )
        self.proxy = build(settings, environ=environ, shared=shared)

    def run(self, reserved: socket.socket, *, on_ready: Callable[[], None]) -> None:
        """Serve until SIGTERM or SIGINT, or until something cannot be loaded.

        Args:
            reserved: the address of the workers; closed when draining begins.
            on_ready: called once every worker is ready.
        """
        folder = private_folder(_PAGES)
        try:
            self._run(reserved, folder / _PAGES, on_ready)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _run(self, reserved: socket.socket, pages: Path, on_ready: Callable[[], None]) -> None:
        self._workers = workers = self._make_workers(reserved, pages)

        async def drain() -> None:
            reserved.close()
            closing = spawn(workers.close(), name="drain")
            while not closing.done():
                await asyncio.wait([closing], timeout=_LOOK_EVERY_S)
                # Ctrl-C a second time.
                if server.force_exit:
                    workers.kill()

        limits = self._settings.limits
        config = server_config(
            Starlette(
                routes=[Route(path, page) for path, page in self._pages(workers).items()],
                lifespan=lambda _app: self.proxy.service.running(),
            ),
            keep_alive_s=limits.keep_alive_s,
            drain_s=limits.drain_timeout_s,
            lifespan="on",
            socket_path=str(pages),
        )
        server = Server(config, drain)
        self._connect(workers, server, on_ready)

        async def serve() -> None:
            workers.start()
            try:
                await server.serve()
            finally:
                # Done already, unless the server never came to draining.
                await workers.close()

        run(server, serve)

    def _make_workers(self, reserved: socket.socket, pages: Path) -> Workers:
        settings = self._settings

        def orders(name: str) -> Orders:
            return Orders(
                settings=share_of(settings),
                name=name,
                pages_path=str(pages),
                policies=self.proxy.service.parts.policies.store.snapshot,
                engines=self._engines.states,
                is_replacement=workers.were_ready,
            )

        async def start(name: str) -> WorkerProcess:
            return await spawn_worker(name, partial(orders, name), another(reserved))

        drain_s = settings.limits.drain_timeout_s + _DRAIN_MARGIN_S
        workers = Workers(settings.workers, start, self.proxy.metrics, drain_s=drain_s)
        return workers

    def _connect(self, workers: Workers, server: Server, on_ready: Callable[[], None]) -> None:
        """Have the workers told what is new, and the server stopped when all is in vain."""
        service = self.proxy.service
        policies = service.parts.policies

        def fail(failed: Failed) -> None:
            mistake = GuardTuneError if failed.is_mistake else RuntimeError
            service.failure = mistake(failed.message)
            server.stop()

        waited_for = {"service", "workers"}

        def ready(part: str) -> None:
            waited_for.discard(part)
            if not waited_for:
                on_ready()

        service.on_ready = partial(ready, "service")
        workers.on_ready = partial(ready, "workers")
        service.on_failure = server.stop
        workers.on_failure = fail
        policies.subscribe(lambda: workers.tell(Policies(policies.store.snapshot)))
        self._engines.on_change = lambda: workers.tell(Engines(self._engines.states))

    def _pages(self, workers: Workers) -> dict[str, Page]:
        async def metrics(request: Request) -> Response:
            await workers.report()
            return await self.proxy.pages["/metrics"](request)

        return {**self.proxy.pages, "/metrics": metrics}
