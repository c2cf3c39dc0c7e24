"""Requests put under policies, whoever answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from proxy.backends.flavours import capabilities
from proxy.domain import ChatRequest
from proxy.errors import RequestError
from proxy.guard import Guard, policy_headers
from proxy.metrics import Metrics
from proxy.policy.apply import Applied
from proxy.policy.schema import PASSTHROUGH
from proxy.policy.store import PolicyStore
from tests.edge import write_policy

POLICY = "match: {models: [m]}\ndecoding: {temperature: 0.5, top_k: 4}\n"
OPENAI = capabilities("openai")


class _Kit:
    def __init__(self, folder: Path, *, require_policy: bool = False) -> None:
        write_policy(folder, "careful", POLICY)
        self.store = PolicyStore(folder)
        self.store.reload()
        self.metrics = Metrics()
        self.guard = Guard(self.store, self.metrics, require_policy=require_policy)

    def put(self, request: ChatRequest, **options: Any) -> Applied:
        """Choose and apply."""
        policy = self.guard.choose(request)
        return self.guard.apply(policy, request, OPENAI, **{"is_strict": False, **options})

    def ignored(self, model: str) -> float | None:
        """How often `top_k` was counted as ignored."""
        labels = {"model": model, "setting": "top_k"}
        return self.metrics.registry.get_sample_value("guardtune_settings_ignored_total", labels)


def _ask(model: str = "m", **fields: Any) -> ChatRequest:
    return ChatRequest(model, ({"role": "user", "content": "hi"},), fields)


def test_request_comes_out_under_its_policy(tmp_path: Path) -> None:
    """What is ignored is counted under the model's name, or under the one it is to count as."""
    kit = _Kit(tmp_path)
    applied = kit.put(_ask(temperature=2))
    assert applied.request.fields == {"temperature": 0.5}
    kit.put(_ask(), counted_as="unknown")
    assert (kit.ignored("m"), kit.ignored("unknown")) == (1, 1)


def test_headers_name_the_policy_and_what_it_could_not_do(tmp_path: Path) -> None:
    """Only what there is to say."""
    kit = _Kit(tmp_path)
    applied = kit.put(_ask(temperature=2, samplers=[]))
    assert policy_headers(applied) == (
        (b"x-guardtune-policy", str(kit.store.snapshot.policies[0].ref).encode()),
        (b"x-guardtune-ignored", b"top_k"),
        (b"x-guardtune-overridden", b"samplers, temperature"),
    )
    passed = kit.put(_ask("other"))
    assert policy_headers(passed) == ((b"x-guardtune-policy", str(PASSTHROUGH.ref).encode()),)


def test_required_policy_refuses_what_none_matches(tmp_path: Path) -> None:
    """And names the model, though not at any length."""
    kit = _Kit(tmp_path, require_policy=True)
    with pytest.raises(RequestError) as caught:
        kit.guard.choose(_ask("x" * 1000))
    assert (caught.value.status, caught.value.code) == (403, "policy_required")
    assert len(caught.value.message) < 200


def test_strict_refuses_what_is_ignored_or_overridden(tmp_path: Path) -> None:
    """And counts nothing as ignored: it was not."""
    kit = _Kit(tmp_path)
    with pytest.raises(RequestError, match="cannot honour here: `top_k`") as caught:
        kit.put(_ask(), is_strict=True)
    assert caught.value.code == "policy_not_honoured"
    write_policy(tmp_path, "careful", "decoding: {temperature: 0.5}\n")
    kit.store.reload()
    with pytest.raises(RequestError, match="leave them out: `temperature`") as caught:
        kit.put(_ask(temperature=2), is_strict=True)
    assert caught.value.code == "enforced_by_policy"
    assert kit.ignored("m") is None
