"""Who may call what."""

from __future__ import annotations

import hashlib

import pytest

from proxy.errors import RequestError
from proxy.middleware.auth import Door, Key, access_to, find_key, locked


def _key(name: str, secret: str, *, admin: bool = False) -> Key:
    return Key(name, hashlib.sha256(secret.encode()).digest(), is_admin=admin)


KEYS = (_key("team-a", "secret-a"), _key("boss", "secret-b", admin=True))


def _visit(path: str, sent: str | None = None, *, keys: tuple[Key, ...] = KEYS) -> str | None:
    """Return the key's id that the request was let in with; raises RequestError otherwise."""
    door = Door(keys, is_metrics_open=True)
    return door.let_in(path, None if sent is None else sent.encode())


def _bearer(secret: str) -> str:
    return f"Bearer {secret}"


def test_known_key_is_let_in_under_its_id() -> None:
    """The id, never the secret, goes on."""
    assert _visit("/v1/chat/completions", _bearer("secret-a")) == "team-a"


def test_scheme_is_read_in_any_case() -> None:
    """HTTP says so."""
    assert _visit("/v1/models", "bearer secret-a") == "team-a"


@pytest.mark.parametrize(
    "sent",
    [
        None,
        "",
        "Bearer ",
        "Basic secret-a",
        _bearer("secret-c"),
        _bearer("secret-A"),
        _bearer("ÿ"),
    ],
    ids=["none", "empty", "no secret", "other scheme", "unknown", "other case", "not ASCII"],
)
def test_missing_or_wrong_key_is_401(sent: str | None) -> None:
    """As OpenAI says it."""
    with pytest.raises(RequestError) as caught:
        _visit("/v1/chat/completions", sent)
    assert caught.value.status == 401
    assert caught.value.error_type == "authentication_error"
    assert caught.value.code == "invalid_api_key"
    assert "secret" not in caught.value.message.replace("secret-", "")


@pytest.mark.parametrize("path", ["/policies", "/policies/validate"])
def test_policies_need_an_admin_key(path: str) -> None:
    """They show what the guard does."""
    assert _visit(path, _bearer("secret-b")) == "boss"
    with pytest.raises(RequestError) as caught:
        _visit(path, _bearer("secret-a"))
    assert caught.value.status == 403


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
def test_caretakers_need_no_key(path: str) -> None:
    """An orchestrator has none."""
    assert _visit(path) is None


def test_metrics_can_be_closed() -> None:
    """Beyond loopback they are."""
    assert access_to("/metrics", is_metrics_open=False) == "user"


def test_without_keys_everything_is_open() -> None:
    """The server then listens on loopback only."""
    assert _visit("/policies", keys=()) is None


def test_every_key_is_compared() -> None:
    """The last one is found as well as the first."""
    found = find_key(KEYS, "secret-b")
    assert found is not None
    assert found.id == "boss"
    assert find_key(KEYS, "") is None


def test_nothing_is_locked_without_keys() -> None:
    """Then whoever reaches the server may use it."""
    assert not locked((), is_metrics_open=False)("/v1/models")
    is_locked = locked(KEYS, is_metrics_open=False)
    assert is_locked("/metrics")
    assert is_locked("/policies")
    assert not is_locked("/openapi.json")
