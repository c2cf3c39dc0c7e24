"""The served models: looked up by name, started and closed together, each ready or not yet."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from proxy.backends.base import Backend, Forwards, MayBeAway, MayRetry
from proxy.errors import OverloadedError, RequestError
from proxy.wire.logfmt import logfmt

_log = logging.getLogger(__name__)


class ServedModels:
    """Backends by served name.

    Args:
        backends: in the order of the configuration; not started yet.
    """

    def __init__(self, backends: Sequence[Backend]) -> None:
        self._backends: Mapping[str, Backend] = {backend.model: backend for backend in backends}
        self._loading = set(self._backends)

    @property
    def names(self) -> tuple[str, ...]:
        """Served names, in the order of the configuration."""
        return tuple(self._backends)

    @property
    def loading(self) -> tuple[str, ...]:
        """Those that cannot answer: not loaded yet, or away for a restart."""
        return tuple(name for name in self._backends if not self._is_ready(name))

    def ready(self) -> tuple[Backend, ...]:
        """Return the backends that can answer."""
        return tuple(item for name, item in self._backends.items() if self._is_ready(name))

    def check(self, model: str) -> None:
        """Pass for a served name.

        Raises:
            RequestError: 404; nobody serves that name. The message lists those that are served.
        """
        if model not in self._backends:
            served = ", ".join(f"`{name}`" for name in self._backends)
            raise RequestError(
                f"The model `{model[:80]}` is not served here. Served: {served}.",
                status=404,
                param="model",
                code="model_not_found",
            )

    def find(self, model: str) -> Backend:
        """Return the backend of a served name.

        Raises:
            RequestError: 404; nobody serves that name.
            OverloadedError: its model is still loading.
        """
        self.check(model)
        if model in self._loading:
            raise OverloadedError("loading", retry_after_s=2)
        return self._backends[model]

    def on_return(self, callback: Callable[[str], None]) -> None:
        """Have `callback` called, on the event loop, with the name of each model that comes back.

        A restarted engine has forgotten everything that was computed before.
        """
        for name, backend in self._backends.items():
            if isinstance(backend, MayBeAway):
                backend.on_return = partial(callback, name)

    def on_retry(self, callback: Callable[[str, str], None]) -> None:
        """Have `callback` called with the model's name and the reason of each retry."""
        for name, backend in self._backends.items():
            if isinstance(backend, MayRetry):
                backend.on_retry = partial(callback, name)

    def find_on(self, path: str, model: str) -> Forwards:
        """Return the backend of a served name, for a route other than chat.

        Raises:
            RequestError: 404; nobody serves that name, or not on this route. The message lists the
                models that answer there.
            OverloadedError: the model is still loading.
        """
        backend = self.find(model)
        if isinstance(backend, Forwards):
            return backend
        there = [name for name, item in self._backends.items() if isinstance(item, Forwards)]
        served = ", ".join(f"`{name}`" for name in there) or "none"
        raise RequestError(
            f"The model `{model}` does not answer on {path}. Models that do: {served}.",
            status=404,
            param="model",
            code="unsupported_route",
        )

    async def start(self) -> None:
        """Start one after the other: loading two large files at once would need room for both.

        Raises:
            ModelLoadError: a model cannot be loaded; those before it stay started.
        """
        for name, backend in self._backends.items():
            await backend.start()
            self._loading.discard(name)
            _log.info("%s", logfmt("model_ready", model=name))

    async def close(self) -> None:
        """Close all, started or not."""
        for backend in self._backends.values():
            await backend.close()

    def _is_ready(self, name: str) -> bool:
        backend = self._backends[name]
        is_away = isinstance(backend, MayBeAway) and not backend.is_ready
        return name not in self._loading and not is_away
