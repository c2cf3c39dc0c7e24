"""The whole proxy as an application for other ASGI servers than ours.

    uvicorn --factory proxy.serve.asgi:create
    granian --interface asgi --factory proxy.serve.asgi:create

The configuration is the file that ``GUARDTUNE_CONFIG`` names, and the other variables. The server
owns address, TLS, connections and signals, so that what the settings say of those has no effect.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from proxy.app import build
from proxy.errors import Problem, SettingsError
from proxy.operations.service import Service
from proxy.serve.server import log_to_stderr, settle
from proxy.settings import Settings, load_settings


def create() -> ASGIApp:
    """Build the application; a server calls this once in the process that answers.

    Raises:
        GuardTuneError: as `guardtune serve` ends with; SettingsError also where there are several
            workers or no keys.
    """
    settings = hosted_settings(os.environ)
    log_to_stderr(settings.log_level)
    proxy = build(settings, environ=os.environ)
    return Hosted(proxy.app, proxy.service)


def hosted_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings, as for a server that listens nobody knows where.

    Raises:
        SettingsError: they are wrong; they have several workers; or there are neither keys nor
            `insecure`, whatever the host.
    """
    settings = load_settings(environ=environ, flags={})
    problems = []
    if settings.workers > 1:
        message = "is for `guardtune serve`, whose workers are one server. Leave it at 1."
        problems.append(Problem("configuration", message, path="workers"))
    if not (settings.keys or settings.insecure):
        message = (
            "there are none, and other machines may reach this server. Add keys, or say "
            "`insecure: true`."
        )
        problems.append(Problem("configuration", message, path="keys"))
    if problems:
        raise SettingsError(tuple(problems))
    return settings.model_copy(update={"metrics_open": bool(settings.metrics_open)})


class Hosted:
    """The application, which does not say that it has started before it can answer.

    `guardtune serve` listens meanwhile and says 503; here whoever waits for the port waits for the
    models, too, and a model that cannot be loaded ends the start.

    Args:
        app: the proxy's.
        service: started and closed with the server.
    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, or the server's life."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await self._app(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with self._service.running():
            await self._service.loaded()
            if self._service.failure is None:
                settle()
                await send({"type": "lifespan.startup.complete"})
                await receive()
        if self._service.failure is None:
            await send({"type": "lifespan.shutdown.complete"})
        else:
            await send({"type": "lifespan.startup.failed", "message": str(self._service.failure)})
