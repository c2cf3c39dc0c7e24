"""The real server, asked as curl would."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.edge import write_policy
from tests.integration.server import Server, command, serving

RULES = [
    {"user": "wait for ever", "hang": True},
    {"user": "break", "answers": ["one two three"], "break_after": 2},
    {"answers": ["Good day to you."]},
]
CONFIG: dict[str, Any] = {
    "models": [{"name": "fake", "backend": "scripted", "rules": RULES}],
    "judging": {"judge": "scripted"},
    "probing": {"enabled": False},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the tests that leave it as it was."""
    folder = tmp_path_factory.mktemp("serve")
    write_policy(folder / "policies", "careful", "decoding: {temperature: 0.5}\n")
    limits = {"max_body_bytes": 4096}
    config = {**CONFIG, "policies": str(folder / "policies"), "limits": limits}
    with serving(folder, config) as running:
        yield running


def test_answer_has_policy_and_request_id(server: Server) -> None:
    """What a user of curl looks for."""
    reply = server.chat("hello", temperature=1.5)
    assert reply.status == 200
    assert reply.json["choices"][0]["message"]["content"] == "Good day to you."
    assert reply.headers["x-guardtune-policy"].startswith("careful@")
    assert reply.headers["x-guardtune-overridden"] == "temperature"
    assert reply.headers["x-request-id"].startswith("req-")


def test_stream_flows_unbuffered(server: Server) -> None:
    """Headers for caches and nginx, [DONE] at the end."""
    reply = server.chat("hello", stream=True)
    assert reply.headers["cache-control"] == "no-cache"
    assert reply.headers["x-accel-buffering"] == "no"
    assert reply.body.endswith(b"data: [DONE]\n\n")


def test_stream_that_breaks_says_so(server: Server) -> None:
    """An error frame and no [DONE]."""
    body = server.chat("break", stream=True).body
    assert b'data: {"error":' in body
    assert b"[DONE]" not in body


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"model":"other","messages":[{"role":"user","content":"a"}]}', 404, "model_not_found"),
        (b'{"model":', 400, None),
        (b'{"model":"fake","messages":[{"role":"user","content":1}]}', 400, "invalid_type"),
        (b'{"model":"fake"}', 400, "missing_required_parameter"),
        (b"[" * 4000, 400, None),
        (b" " * 5000, 413, "request_too_large"),
    ],
    ids=["unknown model", "cut off", "wrong type", "missing", "deep", "too large"],
)
def test_bad_input_gets_an_openai_error(
    server: Server, body: bytes, status: int, code: str | None
) -> None:
    """And the server goes on."""
    reply = server.request("POST", "/v1/chat/completions", body)
    assert reply.status == status
    assert reply.json["error"]["code"] == code
    assert server.get("/health").status == 200


def test_chunked_body_over_the_limit_is_413(server: Server) -> None:
    """Without a length to look at first."""
    pieces = iter([b" " * 3000, b" " * 3000])
    assert server.request("POST", "/v1/chat/completions", pieces).status == 413


def test_unknown_route_and_wrong_method(server: Server) -> None:
    """404 and 405, in OpenAI's form."""
    assert server.request("POST", "/v1/audio/speech", b"{}").json["error"]["code"] == "unknown_url"
    reply = server.get("/v1/chat/completions")
    assert (reply.status, reply.headers["allow"]) == (405, "POST")


def test_completed_answers_are_judged_or_counted(server: Server) -> None:
    """The promise, in numbers: what was answered equals what was judged or not."""
    before = _accounted(server)
    for _ in range(5):
        server.chat("hello")
    assert _eventually(server, before + 5)


def _accounted(server: Server) -> float:
    lines = server.get("/metrics").body.decode().splitlines()
    return sum(
        float(line.rpartition(" ")[2])
        for line in lines
        if line.startswith(("guardtune_judged_total{", "guardtune_unjudged_total{"))
    )


def _eventually(server: Server, total: float) -> bool:
    """Each look is a round trip, in which the judge has its turn."""
    return any(_accounted(server) == total for _ in range(1000))


def test_client_that_leaves_frees_its_slot(server: Server) -> None:
    """While the model was still silent."""
    text = "wait for ever"
    curl = subprocess.Popen(
        [
            "curl", "-s", f"{server.url}/v1/chat/completions",
            "-d", f'{{"model":"fake","messages":[{{"role":"user","content":"{text}"}}]}}',
        ]
    )  # fmt: skip
    try:
        assert any(server.metric("guardtune_in_flight") == 1 for _ in range(1000))
    finally:
        curl.kill()
        curl.wait()
    assert any(server.metric("guardtune_in_flight") == 0 for _ in range(1000))
    sample = 'guardtune_requests_total{code="499",model="fake",policy="careful",stream="false"}'
    assert server.metric(sample) == 1


def test_keys(tmp_path: Path) -> None:
    """Wrong key 401, right key 200, policies for admins only; secrets stay out of the log."""
    keys = [
        {"id": "team-a", "secret_env": "TEAM_A_KEY"},
        {"id": "boss", "secret_sha256": hashlib.sha256(b"boss-secret").hexdigest(), "admin": True},
    ]
    config = {**CONFIG, "policies": str(tmp_path / "policies"), "keys": keys}
    with serving(tmp_path, config, environ={"TEAM_A_KEY": "team-secret"}) as server:
        statuses = [
            server.get(path, {"authorization": f"Bearer {secret}"}).status
            for path, secret in (
                ("/v1/models", "wrong"),
                ("/v1/models", "team-secret"),
                ("/policies", "team-secret"),
                ("/policies", "boss-secret"),
            )
        ]
        assert server.get("/v1/models").status == 401
        assert server.get("/health").status == 200
    assert statuses == [401, 200, 403, 200]
    log = server.log.read_text(encoding="utf-8")
    assert "key=team-a" in log
    assert "team-secret" not in log


def test_overload_is_503_with_retry_after(tmp_path: Path) -> None:
    """One slot, no queue."""
    limits = {"max_in_flight": 1, "max_queued": 0, "drain_timeout_s": 0}
    config = {**CONFIG, "policies": str(tmp_path / "policies"), "limits": limits}
    with serving(tmp_path, config) as server:
        body = '{"model":"fake","messages":[{"role":"user","content":"wait for ever"}]}'
        url = f"{server.url}/v1/chat/completions"
        curl = subprocess.Popen(["curl", "-s", url, "-d", body])
        try:
            assert any(server.metric("guardtune_in_flight") == 1 for _ in range(1000))
            reply = server.chat("hello")
        finally:
            curl.kill()
            curl.wait()
    assert (reply.status, reply.json["error"]["code"]) == (503, "queue_full")
    assert int(reply.headers["retry-after"]) >= 1


def test_sigterm_stops_cleanly(tmp_path: Path) -> None:
    """Exit status 0, and nothing alarming in the log."""
    with serving(tmp_path, {**CONFIG, "policies": str(tmp_path / "policies")}) as server:
        server.chat("hello")
        assert server.stop() == 0
    assert "Traceback" not in server.log.read_text(encoding="utf-8")


def test_missing_model_file_stops_the_start_with_path_and_remedy(tmp_path: Path) -> None:
    """Status 2 and no traceback."""
    path = tmp_path / "none.gguf"
    ended = subprocess.run(
        command("serve", "--port", "0", "--model", str(path), "--policies", str(tmp_path)),
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert ended.returncode == 2
    assert str(path) in ended.stderr
    assert "Traceback" not in ended.stderr


def test_sigterm_ends_answers_that_outlast_the_drain_time(tmp_path: Path) -> None:
    """Their clients are told, if nothing was sent yet; and the server still stops cleanly."""
    limits = {"drain_timeout_s": 1}
    config = {**CONFIG, "policies": str(tmp_path / "policies"), "limits": limits}
    body = '{"model":"fake","messages":[{"role":"user","content":"wait for ever"}]}'
    with serving(tmp_path, config) as server:
        url = f"{server.url}/v1/chat/completions"
        curl = subprocess.Popen(
            ["curl", "-s", "-i", url, "-d", body], stdout=subprocess.PIPE, text=True
        )
        assert any(server.metric("guardtune_in_flight") == 1 for _ in range(1000))
        assert server.stop() == 0
        told, _ = curl.communicate()
    assert told.startswith("HTTP/1.1 503")
    assert '"code":"draining"' in told
    assert "Traceback" not in server.log.read_text(encoding="utf-8")
