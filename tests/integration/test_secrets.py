"""Whose keys go where: clients' stay here, the upstream's stays there, and no log has either."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.loopback import Connection, Received
from tests.rig import CHAT, UPSTREAM_KEY, Rig, run

CLIENT_KEY = "client-secret-7d1f"
KEYS = [{"id": "team-a", "secret_sha256": hashlib.sha256(CLIENT_KEY.encode()).hexdigest()}]
WORDS = "some private words"
BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": WORDS}]}).encode()


async def indiscreet(request: Received, connection: Connection) -> None:
    """Quotes the key wherever it can."""
    key = request.headers["authorization"].removeprefix("Bearer ").encode()
    await connection.respond(
        b'{"error": {"message": "Incorrect API key provided: %b"}}' % key,
        status=401,
        headers=b"content-type: application/json\r\nwww-authenticate: Bearer %b\r\n"
        b"x-api-key: %b\r\nset-cookie: key=%b" % (key, key, key),
    )


def test_no_key_crosses_the_proxy_and_no_log_has_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """At the most talkative level, whatever an upstream says and whichever key is wrong."""
    caplog.set_level("DEBUG")

    async def act(rig: Rig) -> None:
        given = {"authorization": f"Bearer {CLIENT_KEY}"}
        reply = await rig.post(CHAT, BODY, given)
        assert reply.status == 401
        assert UPSTREAM_KEY not in f"{reply.headers}{reply.body!r}"
        assert "***" in reply.json["error"]["message"]
        for wrong in ({}, {"authorization": "Bearer wrong-secret"}, {"authorization": "Basic x"}):
            refused = await rig.post(CHAT, BODY, wrong)
            assert refused.json["error"]["code"] == "invalid_api_key"
        await rig.post("/v1/responses", b'{"model": "m", "input": "some private words"}', given)
        text = (await rig.post("/metrics", b"")).body.decode()
        assert CLIENT_KEY not in text

    server = run(
        act, tmp_path, indiscreet, keys=KEYS, model={"api_key_env": "KEY"}, metrics_open=True
    )
    assert [asked.headers["authorization"] for asked in server.requests] == [
        f"Bearer {UPSTREAM_KEY}"
    ] * 2
    assert not any(CLIENT_KEY in str(asked) for asked in server.requests)
    assert "key=team-a" in caplog.text
    for secret in (CLIENT_KEY, UPSTREAM_KEY, "wrong-secret", WORDS):
        assert secret not in caplog.text
