"""The roster of backends: a name in the configuration → what builds it.

Nothing is imported before a configured model names it: litellm takes seconds, and a proxy without a
local model needs no llama.cpp.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any, Protocol

from proxy.backends.base import Backend
from proxy.backends.config import LiteLLMConfig, LlamaCppConfig, ModelConfig
from proxy.domain import Capabilities
from proxy.errors import ModelLoadError
from proxy.upstream.base import UpstreamClient


class Engines(Protocol):
    """Who gives the backends of models that run in child processes, where processes share them."""

    def connect(self, config: LlamaCppConfig, client: UpstreamClient | None) -> Backend:
        """Return the backend of one model, not started yet."""


def create(
    config: ModelConfig,
    *,
    client: UpstreamClient | None = None,
    may_spawn: bool = False,
    engines: Engines | None = None,
) -> Backend:
    """Build the backend of one configured model; ``start`` it before use.

    Args:
        config: one entry of ``models:``.
        client: connections that several backends share and the caller closes; None lets a backend
            that needs some open its own.
        may_spawn: whether a model may run in a child process where its configuration says so; the
            tuner and judges keep theirs in process.
        engines: gives the backend of such a model; None for a child of its own.

    Raises:
        ModelLoadError: a package is missing; the message has the command that installs it.
    """
    require_package(config)
    if may_spawn and isinstance(config, LlamaCppConfig) and config.process == "child":
        return (_OwnEngines() if engines is None else engines).connect(config, client)
    return _FACTORIES[config.backend](config, client)


async def capabilities_of(config: ModelConfig) -> Capabilities:
    """What a configured model honours; no model is loaded for it and nothing is sent.

    Args:
        config: one entry of ``models:``.

    Raises:
        ModelLoadError: a package is missing, or litellm knows no such provider.
    """
    backend = create(config)
    if not isinstance(config, LiteLLMConfig):
        return backend.capabilities
    await backend.start()
    try:
        return backend.capabilities
    finally:
        await backend.close()


def require_package(config: ModelConfig) -> None:
    """Refuse a model whose package is not there.

    Raises:
        ModelLoadError: with the command that installs it.
    """
    package, command = _NEEDS.get(config.backend, ("", ""))
    if package and find_spec(package) is None:
        raise ModelLoadError(
            f"models: {config.name}: the package {package} is missing. Run: {command}",
            model=config.name,
        )


def _llama_cpp(config: Any, _client: UpstreamClient | None) -> Backend:
    from proxy.backends.local import LocalBackend

    return LocalBackend(config)


class _OwnEngines:
    def connect(self, config: LlamaCppConfig, client: UpstreamClient | None) -> Backend:
        from proxy.backends.supervised import SupervisedBackend

        return SupervisedBackend(config, client)


def _openai(config: Any, client: UpstreamClient | None) -> Backend:
    from proxy.backends.openai import OpenAIBackend

    return OpenAIBackend(config, client)


def _litellm(config: Any, _client: UpstreamClient | None) -> Backend:
    from proxy.backends.litellm_sdk import LiteLLMBackend

    return LiteLLMBackend(config)


def _scripted(config: Any, _client: UpstreamClient | None) -> Backend:
    from proxy.backends.scripted import ScriptedBackend

    return ScriptedBackend(config)


_FACTORIES: Mapping[str, Callable[[Any, UpstreamClient | None], Backend]] = {
    "llama_cpp": _llama_cpp,
    "openai": _openai,
    "litellm": _litellm,
    "scripted": _scripted,
}

# Looked for without importing them.
_NEEDS: Mapping[str, tuple[str, str]] = {
    "llama_cpp": ("llama_cpp", "pip install 'llama-cpp-python>=0.3.36'"),
    "litellm": ("litellm", "pip install 'litellm>=1.106,!=1.82.7,!=1.82.8'"),
}
