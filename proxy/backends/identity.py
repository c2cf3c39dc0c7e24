"""Which model it is behind a served name: its weights, and the configuration that shapes answers.

Two models of one identity give the same answers, whatever they are called; so do two judges that
ask them.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

from proxy.backends.base import Backend
from proxy.backends.config import ModelConfig

_UNIMPORTANT = {
    "name", "slots", "threads", "max_queued", "process", "step_timeout_s", "api_key_env",
    "timeouts", "timeout_s", "retries", "fallbacks", "strict",
}  # fmt: skip
"""Fields that change how fast a model answers, or whether, but not what."""


def model_sha256(config: ModelConfig, backend: Backend) -> str:
    """Identity of the weights and of the configuration that shapes answers, 64 hex digits.

    A remote model's weights cannot be seen; there it is the address and the name. A local one's are
    those that are loaded: a file converted by another version of llama.cpp may be another model.

    Args:
        config: one configured model.
        backend: its backend, started; a local one's file is read once.
    """
    fields = config.model_dump(mode="json", exclude=_UNIMPORTANT)
    if (weights := weights_of(backend)) is not None:
        fields |= {"path": weights, "convert": None}
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def weights_of(backend: Backend) -> dict[str, str] | None:
    """SHA-256 of a local model's file, and of what it was converted to; None for any other model.

    Args:
        backend: started; its file is read once.
    """
    from proxy.backends.local import LocalBackend

    found = backend.fingerprint() if isinstance(backend, LocalBackend) else None
    if found is None:
        return None
    return {name: value for name, value in asdict(found).items() if value is not None}
