"""Bearer keys: who may call what, compared in constant time, known by id and never by secret."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from proxy.errors import RequestError

Access = Literal["open", "user", "admin"]

_OPEN = frozenset({"/health", "/ready", "/openapi.json"})


@dataclass(frozen=True, slots=True)
class Key:
    """One API key.

    Args:
        id: what logs, policies' ``match.keys`` and the operator call it.
        digest: SHA-256 of the secret, 32 bytes; the secret itself is not kept.
        is_admin: whether it opens ``/policies*`` as well.
    """

    id: str
    digest: bytes
    is_admin: bool = False


def access_to(path: str, *, is_metrics_open: bool) -> Access:
    """Say who may call a path, once there are keys at all."""
    if path in _OPEN or (path == "/metrics" and is_metrics_open):
        return "open"
    return "admin" if path.startswith("/policies") else "user"


def locked(keys: Sequence[Key], *, is_metrics_open: bool) -> Callable[[str], bool]:
    """Return what says of a path whether it asks for a key; without keys, none does."""
    return lambda path: bool(keys) and access_to(path, is_metrics_open=is_metrics_open) != "open"


def find_key(keys: Sequence[Key], secret: str) -> Key | None:
    """Find the key with this secret; always compares with every key, each in constant time."""
    digest = hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
    found: Key | None = None
    for key in keys:
        if hmac.compare_digest(key.digest, digest):
            found = key
    return found


class Door:
    """Asks for ``Authorization: Bearer`` where a path needs it.

    Without keys everything is open: the server then listens on loopback only, unless told
    otherwise.

    Args:
        keys: all keys.
        is_metrics_open: whether ``/metrics`` needs no key.
    """

    def __init__(self, keys: Sequence[Key], *, is_metrics_open: bool) -> None:
        self._keys = tuple(keys)
        self._is_metrics_open = is_metrics_open

    def let_in(self, path: str, authorization: bytes | None) -> str | None:
        """Return the id of the key that a request comes with; None where none is needed.

        Args:
            path: what is asked for.
            authorization: the header's value, if it was sent.

        Raises:
            RequestError: 401, 403.
        """
        if not self._keys:
            return None
        access = access_to(path, is_metrics_open=self._is_metrics_open)
        return None if access == "open" else self._authenticate(authorization or b"", access).id

    def _authenticate(self, authorization: bytes, access: Access) -> Key:
        scheme, _, secret = str(authorization, "latin-1").partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise _unauthorized("No API key. Send it as `Authorization: Bearer <key>`.")
        key = find_key(self._keys, secret.strip())
        if key is None:
            raise _unauthorized("This API key is not known here.")
        if access == "admin" and not key.is_admin:
            raise RequestError(
                f"The key `{key.id}` is not an admin key.",
                status=403,
                error_type="permission_error",
                code="admin_key_required",
            )
        return key


def _unauthorized(message: str) -> RequestError:
    return RequestError(
        message, status=401, error_type="authentication_error", code="invalid_api_key"
    )
