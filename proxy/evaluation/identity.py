"""What an answer depends on beyond names: the weights behind a model, the content of a policy.

Two answers with the same identities are the same answer, whichever program asked for them.
"""

from __future__ import annotations

import hashlib
import json

from proxy.backends.identity import model_sha256, weights_of
from proxy.policy.schema import Policy

__all__ = ["model_sha256", "phenotype_key", "weights_of"]


def phenotype_key(policy: Policy) -> str:
    """Identity of what a policy does, whatever it is called: 16 hex digits of a sha256."""
    content = policy.content()
    does = [content.get(part) for part in ("system_prompt", "demonstrations", "decoding")]
    return hashlib.sha256(json.dumps(does, sort_keys=True).encode()).hexdigest()[:16]
