"""Which policy a request gets: precedence among those that match, and sticky rollout shares."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from proxy.domain import ChatRequest
from proxy.policy.schema import PASSTHROUGH, Policy
from proxy.policy.snapshot import Snapshot

MAX_REMEMBERED_CHARS = 256
"""Of a model's name. Where clients make names up, longer ones would fill the memory."""


def policy_for(request: ChatRequest, snapshot: Snapshot) -> Policy:
    """Return the policy for a request; see :func:`select`.

    Most have one without a rollout, and then what the conversation sticks to is not worked out.
    """
    model = request.model
    find = offered if len(model) <= MAX_REMEMBERED_CHARS else offered.__wrapped__
    first, share = find(snapshot, model, request.key_id)[0]
    if share >= 1:
        return first
    return select(
        snapshot,
        model=model,
        key_id=request.key_id,
        sticky_key=sticky_key(request),
    )


def select(snapshot: Snapshot, *, model: str, key_id: str | None, sticky_key: str) -> Policy:
    """Return the policy for a request; PASSTHROUGH where none matches.

    Highest priority first, then policies that name keys, then the longest model glob, then the
    name. A policy with a rollout takes its share of conversations; the others go to the next.

    Args:
        snapshot: the policies in force.
        model: the model name asked for.
        key_id: id of the API key, if there is one.
        sticky_key: what a conversation keeps from request to request; see :func:`sticky_key`.
    """
    find = offered if len(model) <= MAX_REMEMBERED_CHARS else offered.__wrapped__
    return next(
        policy
        for policy, share in find(snapshot, model, key_id)
        if share >= 1 or position(policy.name, sticky_key) < share
    )


@lru_cache(maxsize=1024)
def offered(snapshot: Snapshot, model: str, key_id: str | None) -> tuple[tuple[Policy, float], ...]:
    """Return the policies that are live here, each with its share, the first one first.

    The last one takes all that the others leave: its share is 1. One whose file gives it a share of
    0 is measured beside the others and given to nobody; one that was rolled back is not even that.
    Cached by the snapshot's identity; whoever has a name from outside goes past the cache with a
    long one, see `MAX_REMEMBERED_CHARS`.
    """
    offers: list[tuple[Policy, float]] = []
    for policy in (*ranked(snapshot, model, key_id), PASSTHROUGH):
        share = snapshot.share(policy)
        if share > 0 or policy.ref not in snapshot.decided:
            offers.append((policy, share))
        if share >= 1:
            break
    return tuple(offers)


def ranked(snapshot: Snapshot, model: str, key_id: str | None) -> tuple[Policy, ...]:
    """Return the matching policies, the first one first, whatever their shares."""
    lengths = [(policy, glob_length(policy, model)) for policy in snapshot.policies]
    matching = [(p, n) for p, n in lengths if n is not None and _allows_key(p, key_id)]
    order = sorted(matching, key=lambda item: (_rank(item[0], item[1]), item[0].name))
    return tuple(policy for policy, _ in order)


def position(name: str, sticky_key: str) -> float:
    """Return where a conversation falls in [0, 1) for one policy.

    Each policy shuffles anew, so that two canaries do not share their conversations. The same in
    every process and version.
    """
    digest = hashlib.blake2b(f"{name}\0{sticky_key}".encode(errors="replace"), digest_size=8)
    # 53 bits are what a float holds: a full 64 could round up to 1.0.
    return (int.from_bytes(digest.digest(), "big") >> 11) / (1 << 53)


def sticky_key(request: ChatRequest) -> str:
    """Return what makes rollouts sticky.

    The client's conversation id, else its ``user`` field, else a hash of key id and first user
    message, which a conversation resends with every turn.
    """
    if request.conversation:
        return f"conversation:{request.conversation}"
    user = request.fields.get("user")
    if isinstance(user, str) and user:
        return f"user:{user}"
    first = next((m for m in request.messages if m.get("role") == "user"), {})
    text = f"{request.key_id or ''}\0{_text(first)}"
    return f"first:{hashlib.blake2b(text.encode(errors='replace'), digest_size=16).hexdigest()}"


def glob_length(policy: Policy, model: str) -> int | None:
    """Return the length of the longest glob that matches; 0 without globs, None for no match."""
    globs = policy.match.models
    if globs is None:
        return 0
    return max((len(glob) for glob in globs if fnmatchcase(model, glob)), default=None)


def ties(policies: Sequence[Policy]) -> list[tuple[Policy, Policy]]:
    """Return pairs that only their names put in order, the winner first.

    Globs that differ in their text are not compared: whether some model matches both is unknown.
    """
    ordered = sorted(policies, key=lambda policy: policy.name)
    return [
        (first, second)
        for index, first in enumerate(ordered)
        for second in ordered[index + 1 :]
        if _is_tie(first, second)
    ]


def _rank(policy: Policy, glob: int) -> tuple[int, bool, int]:
    return (-policy.match.priority, policy.match.keys is None, -glob)


def _allows_key(policy: Policy, key_id: str | None) -> bool:
    return policy.match.keys is None or key_id in policy.match.keys


def _is_tie(first: Policy, second: Policy) -> bool:
    # A canary that wins leaves its remaining share to the other: an order that is meant.
    if first.rollout is not None or first.match.priority != second.match.priority:
        return False
    return _overlap(first.match.keys, second.match.keys) and _overlap(
        first.match.models, second.match.models
    )


def _overlap(first: tuple[str, ...] | None, second: tuple[str, ...] | None) -> bool:
    if first is None or second is None:
        return first is second
    return bool(set(first) & set(second))


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(str(part.get("text", "")) for part in parts if isinstance(part, Mapping))
