"""What stands behind a model's name in a router of litellm's own."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from proxy.wire.routes import CHAT, COMPLETIONS, RESPONSES
from tests.proxy.adapters.litellm_rig import module, running_router


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module under test, with a router running."""
    found = module("litellm_models")
    running_router(monkeypatch)
    return found


def test_models_deployments_are_found_by_its_name(models: Any) -> None:
    """All of a group."""
    found = models.find("mixed", team_id=None)
    assert (found.name, found.is_known) == ("mixed", True)
    assert [name for name, _ in found.deployments] == [
        "ollama_chat/u",
        "anthropic/claude-sonnet-4-5",
    ]


def test_deployment_named_by_its_id_is_its_group(models: Any) -> None:
    """A client that knows the id does not get around the group's policy."""
    assert models.find("one-of-mixed", team_id=None).name == "mixed"


def test_router_without_a_registry_is_asked_as_it_wants_to_be(
    models: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Older releases have the same look-ups under other names."""
    server = sys.modules["litellm.proxy.proxy_server"]
    registry = server.llm_router.registry()
    older = SimpleNamespace(
        model_names=registry.names(kind="group_set"),
        get_deployment=registry.deployment,
        get_model_list=registry.deployments,
    )
    found = models.find("one-of-mixed", team_id=None)
    monkeypatch.setattr(server, "llm_router", older)
    assert models.find("one-of-mixed", team_id=None) == found


def test_unknown_model_stands_for_itself(models: Any) -> None:
    """LiteLLM may know its provider; as a label it could be anything."""
    found = models.find("anthropic/claude-sonnet-4-5", team_id=None)
    assert found == ("anthropic/claude-sonnet-4-5", False, (("anthropic/claude-sonnet-4-5", None),))


def test_model_behind_a_wildcard_is_not_known_by_its_name(models: Any) -> None:
    """A client can make up any number of such names; the provider is that of the wildcard."""
    found = models.find("openai/made-up", team_id=None)
    assert not found.is_known
    assert "temperature" in models.capabilities_of(found.deployments, CHAT).settings


def test_without_a_router_the_name_is_litellms_own() -> None:
    """As in tests, and before the proxy has read its configuration."""
    assert not module("litellm_models").find("m", team_id=None).is_known


def test_provider_decides_what_is_honoured_on_chat(models: Any) -> None:
    """By litellm's own tables."""

    def settings(model: str) -> set[str]:
        found = models.find(model, team_id=None)
        return set(models.capabilities_of(found.deployments, CHAT).settings)

    assert {"temperature", "max_tokens", "seed"} <= settings("m")
    assert "top_k" not in settings("m")
    assert "top_k" in settings("local")
    assert "seed" not in settings("mixed")
    assert {"temperature", "top_k"} <= settings("mixed")
    assert {"temperature", "max_tokens"} <= settings("no such model")


def test_capabilities_are_the_same_object_each_time(models: Any) -> None:
    """A policy's plan is found by it."""
    for route in (CHAT, COMPLETIONS, RESPONSES):
        first, second = (
            models.capabilities_of(models.find("mixed", team_id=None).deployments, route)
            for _ in range(2)
        )
        assert first is second


def test_long_name_is_looked_up_and_not_remembered(models: Any) -> None:
    """A client can make one up, of any length."""
    known = models._on_chat.cache_info().currsize
    found = models.find("openai/" + "x" * 1000, team_id=None)
    assert "temperature" in models.capabilities_of(found.deployments, CHAT).settings
    unknown = models.find("x" * 1000, team_id=None)
    assert "temperature" in models.capabilities_of(unknown.deployments, CHAT).settings
    assert models._on_chat.cache_info().currsize == known
