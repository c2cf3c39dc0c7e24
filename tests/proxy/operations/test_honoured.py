"""What a model cannot honour is said."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from proxy.backends.scripted import ScriptedBackend
from proxy.domain import Capabilities
from proxy.operations.honoured import ignored_settings
from proxy.policy.store import PolicyStore
from tests.asgi import call
from tests.edge import assemble, running, scripted, write_policy


class _Limited(ScriptedBackend):
    """A model that knows only a temperature."""

    @property
    def capabilities(self) -> Capabilities:
        """One setting."""
        names: Mapping[str, str] = {"temperature": "temperature"}
        return Capabilities(settings=names)


def _limited(name: str) -> _Limited:
    return _Limited(scripted(name=name)._config)


def test_only_models_that_the_policy_matches_are_named(tmp_path: Path) -> None:
    """A setting that some other model ignores concerns nobody."""
    write_policy(tmp_path, "p", "match: {models: ['a*']}\ndecoding: {top_k: 5, temperature: 1.0}\n")
    store = PolicyStore(tmp_path)
    store.reload()
    backends = [_limited("apple"), _limited("pear"), scripted(name="able")]
    (found,) = ignored_settings(store.snapshot, backends)
    assert (found.policy.name, found.model, found.settings) == ("p", "apple", ("top_k",))


def test_it_is_logged_at_load_and_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Before the first request."""
    write_policy(tmp_path, "p", "decoding: {top_k: 5}\n")
    proxy = assemble(tmp_path, [_limited("fake")])

    async def run() -> object:
        async with running(proxy):
            return (await call(proxy.app, path="/policies")).json["policies"][0]["ignored"]

    assert asyncio.run(run()) == {"fake": ["top_k"]}
    assert "event=policy_settings_ignored policy=p@" in caplog.text
    assert "model=fake settings=top_k" in caplog.text
