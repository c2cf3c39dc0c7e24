"""How a process says how it is."""

from __future__ import annotations

import msgspec

from proxy.wire.health import Health


def test_models_are_named_only_where_some_are_missing() -> None:
    """What waits for `ready` looks at one word."""
    assert msgspec.json.encode(Health("ready")) == b'{"status":"ready"}'
    assert msgspec.json.encode(Health("loading", ("m",))) == b'{"status":"loading","models":["m"]}'
