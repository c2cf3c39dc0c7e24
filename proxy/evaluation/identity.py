"""What an answer depends on beyond names: the weights behind a model, the content of a policy.

Two answers with the same identities are the same answer, whichever program asked for them.
"""

from __future__ import annotations

import hashlib
import json

from proxy.backends.identity import model_sha256, weights_of
from proxy.policy.schema import Policy

__all__ = ["model_sha256", "phenotype_key", "weights_of"]


MAX_REMEMBERED = 1024
"""Policies whose keys are not worked out anew for each of their answers."""

_remembered: dict[int, tuple[Policy, str]] = {}


def phenotype_key(policy: Policy) -> str:
    """Identity of what a policy does, whatever it is called: 16 hex digits of a sha256.

    Remembered by the object's identity, which it keeps while it stands here: a policy hashes no
    faster than this works out its key. Safe across threads: the worst is working it out twice.
    """
    known = _remembered.get(id(policy))
    if known is not None:
        return known[1]
    content = policy.content()
    does = [content.get(part) for part in ("system_prompt", "demonstrations", "decoding")]
    key = hashlib.sha256(json.dumps(does, sort_keys=True).encode()).hexdigest()[:16]
    if len(_remembered) >= MAX_REMEMBERED:
        _remembered.clear()
    _remembered[id(policy)] = (policy, key)
    return key
