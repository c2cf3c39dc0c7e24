"""What an answer depends on beyond names: the weights behind a model, the content of a policy.

Two answers with the same identities are the same answer, whichever program asked for them.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from proxy.backends.base import Backend
from proxy.backends.config import LlamaCppConfig, ModelConfig
from proxy.policy.schema import Policy

_UNIMPORTANT = {
    "name", "slots", "threads", "max_queued", "process", "api_key_env", "timeouts", "timeout_s",
}  # fmt: skip
"""Fields that change how fast a model answers, but not what."""


def model_sha256(config: ModelConfig, backend: Backend) -> str:
    """Identity of the weights and of the configuration that shapes answers, 64 hex digits.

    A remote model's weights cannot be seen; there it is the address and the name.

    Args:
        config: one configured model.
        backend: its backend, started; a local one's file is read once.
    """
    fields = config.model_dump(mode="json", exclude=_UNIMPORTANT)
    if isinstance(config, LlamaCppConfig):
        fields["path"] = _weights_sha256(config, backend)
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def phenotype_key(policy: Policy) -> str:
    """Identity of what a policy does, whatever it is called: 16 hex digits of a sha256."""
    content = policy.content()
    does = [content.get(part) for part in ("system_prompt", "demonstrations", "decoding")]
    return hashlib.sha256(json.dumps(does, sort_keys=True).encode()).hexdigest()[:16]


def _weights_sha256(config: LlamaCppConfig, backend: Backend) -> str:
    from proxy.backends.local import LocalBackend

    weights = backend.weights if isinstance(backend, LocalBackend) else None
    if weights is None:
        return config.path
    return weights.original_sha256 or _file_sha256(weights.original)


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
