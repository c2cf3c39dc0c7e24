"""The parent of several workers, before it starts any; the rest is tested with real processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.errors import SettingsError
from proxy.serve.parent import Parent
from proxy.settings import Settings
from tests.edge import write_policy

SETTINGS = {
    "workers": 2,
    "models": [{"name": "fake", "backend": "scripted"}],
    "judging": {"judge": "scripted"},
}


def test_mistakes_are_told_before_any_process_is_started() -> None:
    """As they are by a server of one process."""
    keys = [{"id": "a", "secret_env": "NOT_SET"}]
    settings = Settings.model_validate({**SETTINGS, "keys": keys})
    with pytest.raises(SettingsError, match="NOT_SET"):
        Parent(settings, environ={})


def test_it_has_what_there_is_one_of(tmp_path: Path) -> None:
    """It reads the folder and probes; its pages are those that show both."""
    write_policy(tmp_path, "careful")
    settings = Settings.model_validate({**SETTINGS, "policies": str(tmp_path)})
    parent = Parent(settings, environ={})
    assert [
        policy.name for policy in parent.proxy.service.parts.policies.store.snapshot.policies
    ] == ["careful"]
    assert set(parent.proxy.pages) == {"/metrics", "/policies"}
