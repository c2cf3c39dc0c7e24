"""The roster of backends: a name in the configuration → what builds it.

Nothing is imported before a configured model names it: litellm takes seconds, and a proxy without a
local model needs no llama.cpp.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from proxy.backends.base import Backend
from proxy.backends.config import ModelConfig
from proxy.errors import ModelLoadError
from proxy.upstream.base import UpstreamClient


def create(config: ModelConfig, *, client: UpstreamClient | None = None) -> Backend:
    """Build the backend of one configured model; ``start`` it before use.

    Args:
        config: one entry of ``models:``.
        client: connections that several backends share and the caller closes; None lets a backend
            that needs some open its own.

    Raises:
        ModelLoadError: a package is missing; the message has the command that installs it.
    """
    try:
        return _FACTORIES[config.backend](config, client)
    except ImportError as error:
        command = _INSTALL.get(config.backend, "pip install guardtune")
        raise ModelLoadError(
            f"models: {config.name}: the package {error.name} is missing. Run: {command}",
            model=config.name,
        ) from error


def _llama_cpp(config: Any, _client: UpstreamClient | None) -> Backend:
    from proxy.backends.local import LocalBackend

    return LocalBackend(config)


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

_INSTALL: Mapping[str, str] = {
    "llama_cpp": "pip install 'llama-cpp-python>=0.3.36'",
    "litellm": "pip install 'litellm>=1.106,!=1.82.7,!=1.82.8'",
}
