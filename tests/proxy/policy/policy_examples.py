"""Policies, requests and backends that several tests use."""

from __future__ import annotations

from typing import Any

from proxy.domain import Capabilities, ChatRequest
from proxy.policy.decoding import SETTINGS
from proxy.policy.schema import Policy

HONOURS_ALL = Capabilities(settings={name: name for name in SETTINGS})


def make_policy(name: str = "a", **parts: Any) -> Policy:
    """A policy from plain data, as a file would give it."""
    return Policy.model_validate({"schema": 1, "name": name, **parts})


def make_request(*messages: tuple[str, Any], **fields: Any) -> ChatRequest:
    """A request with its messages as (role, content); a greeting if none are given."""
    turns = messages or (("user", "Hello"),)
    return ChatRequest(
        model="smollm2",
        messages=tuple({"role": role, "content": content} for role, content in turns),
        fields=fields,
        raw=b"as sent",
    )
