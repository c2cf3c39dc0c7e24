"""The engines that this process starts for itself and for others that share them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from proxy.backends.config import LlamaCppConfig
from proxy.backends.engine_process import COMMAND
from proxy.backends.engine_state import EngineKey, EngineState, engine_key
from proxy.backends.supervised import SupervisedBackend
from proxy.upstream.base import UpstreamClient


class SpawnedEngines:
    """Makes supervised backends and knows how their engines are; the event loop owns it.

    Args:
        command: the engines' program.

    Attributes:
        on_change: called whenever `states` has changed.
    """

    def __init__(self, *, command: Sequence[str] = COMMAND) -> None:
        self._command = command
        self.on_change: Callable[[], None] = _nothing
        self._backends: dict[EngineKey, SupervisedBackend] = {}

    @property
    def states(self) -> dict[EngineKey, EngineState]:
        """How each engine is; one that was not started yet is left out."""
        states = {key: backend.state for key, backend in self._backends.items()}
        return {key: state for key, state in states.items() if state is not None}

    def connect(self, config: LlamaCppConfig, client: UpstreamClient | None) -> SupervisedBackend:
        """Make the backend of one model; of two with the same configuration the first is shared."""
        backend = SupervisedBackend(config, client, command=self._command)
        backend.on_change = self._changed
        self._backends.setdefault(engine_key(config), backend)
        return backend

    async def start_rest(self) -> None:
        """Start those that are shared and that nobody has started yet, one after the other.

        Raises:
            ModelLoadError: a model cannot be loaded; those before it stay started.
        """
        for backend in self._backends.values():
            if backend.state is None:
                await backend.start()

    def _changed(self) -> None:
        self.on_change()


def _nothing() -> None:
    """Nobody asked to be told."""
