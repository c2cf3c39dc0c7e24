"""The whole application: what the stack does together."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from proxy.app import build
from proxy.errors import JudgeError, SettingsError
from proxy.settings import Settings
from tests.asgi import Headers, Reply, call
from tests.edge import assemble, running, scripted, write_policy

KEYS = [
    {"id": "team-a", "secret_sha256": hashlib.sha256(b"a").hexdigest()},
    {"id": "boss", "secret_sha256": hashlib.sha256(b"b").hexdigest(), "admin": True},
]
CHAT = b'{"model":"fake","messages":[{"role":"user","content":"private words"}]}'


def _visit(
    folder: Path,
    path: str,
    secret: str | None = None,
    *,
    method: str = "GET",
    body: bytes = b"",
    root_path: str = "",
) -> Reply:
    headers: Headers = [] if secret is None else [("authorization", f"Bearer {secret}")]
    proxy = assemble(folder, keys=KEYS)

    async def run() -> Reply:
        async with running(proxy):
            return await call(
                proxy.app, method, path, headers=headers, body=body, root_path=root_path
            )

    return asyncio.run(run())


def test_missing_key_is_401_in_openai_form_with_a_request_id(tmp_path: Path) -> None:
    """Errors go through the whole stack."""
    reply = _visit(tmp_path, "/v1/models")
    assert (reply.status, reply.json["error"]["type"]) == (401, "authentication_error")
    assert reply.headers["www-authenticate"] == "Bearer"
    assert reply.headers["x-request-id"].startswith("req-")


@pytest.mark.parametrize("root_path", ["", "/llm"])
def test_key_opens_what_it_may(tmp_path: Path, root_path: str) -> None:
    """Users chat, admins see policies, caretakers need nothing, wherever a server has put us."""

    def status(path: str, secret: str | None = None) -> int:
        return _visit(tmp_path, path, secret, root_path=root_path).status

    chat = "/v1/chat/completions"
    reply = _visit(tmp_path, chat, "a", method="POST", body=CHAT, root_path=root_path)
    assert reply.status == 200
    assert status("/policies", "a") == 403
    assert status("/policies", "b") == 200
    assert status("/metrics") == status("/health") == 200


@pytest.mark.parametrize("root_path", ["", "/llm"])
def test_who_is_not_let_in_is_counted_where_models_answer(tmp_path: Path, root_path: str) -> None:
    """Somebody who tries keys shows in the figures; a wrong page does not."""
    proxy = assemble(tmp_path, keys=KEYS)

    async def run() -> bytes:
        async with running(proxy):
            await call(proxy.app, "POST", "/v1/chat/completions", body=CHAT, root_path=root_path)
            await call(proxy.app, "GET", "/policies", root_path=root_path)
            return (await call(proxy.app, "GET", "/metrics")).body

    counted = 'requests_total{code="401",model="unknown",policy="none",stream="false"} 1.0'
    assert counted in asyncio.run(run()).decode()


def test_log_has_the_keys_id_and_neither_secret_nor_prompt(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What may be kept, and what may not."""
    caplog.set_level("DEBUG")
    _visit(tmp_path, "/v1/chat/completions", "a", method="POST", body=CHAT)
    (line,) = [text for text in caplog.messages if text.startswith("event=request ")]
    assert "key=team-a" in line
    assert "model=fake policy=passthrough@" in line
    assert "private" not in caplog.text
    assert "Bearer" not in caplog.text


def test_bug_is_a_500_and_counted(tmp_path: Path) -> None:
    """The server never dies of a request."""
    proxy = assemble(tmp_path)
    proxy.service.parts.models.find = lambda _model: 1 / 0  # type: ignore[assignment,method-assign,return-value]  # a bug, on purpose

    async def run() -> tuple[Reply, Reply]:
        chat = await call(proxy.app, "POST", "/v1/chat/completions", body=CHAT)
        return chat, await call(proxy.app, path="/metrics")

    chat, metrics = asyncio.run(run())
    assert (chat.status, chat.json["error"]["type"]) == (500, "server_error")
    assert b"guardtune_internal_errors_total 1.0" in metrics.body


def test_browsers_are_let_in_by_configuration_only(tmp_path: Path) -> None:
    """And then they may read our headers, also those of an error."""
    origin = [("origin", "https://chat.example.org")]
    closed = asyncio.run(call(assemble(tmp_path).app, path="/nothing", headers=origin))
    assert "access-control-allow-origin" not in closed.headers
    app = assemble(tmp_path, cors={"allow_origins": ["https://chat.example.org"]}).app
    reply = asyncio.run(call(app, path="/nothing", headers=origin))
    assert reply.status == 404
    assert reply.headers["access-control-allow-origin"] == "https://chat.example.org"
    assert "x-guardtune-policy" in reply.headers["access-control-expose-headers"]


def test_preflight_needs_no_key(tmp_path: Path) -> None:
    """Browsers send none with it."""
    app = assemble(tmp_path, keys=KEYS, cors={"allow_origins": ["*"]}).app
    headers = [("origin", "https://x.example"), ("access-control-request-method", "POST"),
               ("access-control-request-headers", "authorization")]  # fmt: skip
    reply = asyncio.run(call(app, "OPTIONS", "/v1/chat/completions", headers=headers))
    assert reply.status == 200


def test_missing_secret_stops_the_start(tmp_path: Path) -> None:
    """A key that nobody can use is a mistake."""
    with pytest.raises(SettingsError, match="A_KEY is not set"):
        assemble(tmp_path, keys=[{"id": "a", "secret_env": "A_KEY"}])


def test_judges_policy_file_that_is_missing_stops_the_start(tmp_path: Path) -> None:
    """Nothing is loaded before it is clear that all of it can be."""
    judge = {
        "kind": "guard_model",
        "format": "gpt_oss_safeguard",
        "policy_file": str(tmp_path / "policy.md"),
        "model": {"name": "guard", "backend": "scripted"},
    }
    settings = Settings.model_validate(
        {"judging": {"judge": judge}, "models": [{"name": "f", "backend": "scripted"}]}
    )
    with pytest.raises(JudgeError, match=r"policy\.md"):
        build(settings, environ={})


def test_each_model_is_judged_by_its_own_judge_and_equal_ones_are_shared() -> None:
    """A guard that two models share is loaded once."""
    guard = {
        "kind": "guard_model",
        "format": "llama_guard_3",
        "model": {"name": "guard", "backend": "scripted"},
    }
    settings = Settings.model_validate(
        {
            "models": [{"name": name, "backend": "scripted"} for name in ("a", "b", "c")],
            "judging": {"judge": "scripted", "models": {"a": guard, "b": guard}},
        }
    )
    judges = build(settings, environ={}).service.parts.judges
    assert judges.of("a").judge_id.startswith("llama_guard_3-1/guard@")
    assert judges.of("a") is judges.of("b")
    assert judges.of("c").judge_id == "scripted-1"
    assert len(judges.all) == 2


def test_canary_is_one_on_every_model_that_it_matches(tmp_path: Path) -> None:
    """Also on one that loads, or whose engine is away: it has a say in a promotion."""
    write_policy(tmp_path, "canary", "rollout: {share: 0.1}\n")
    backends = [scripted(name=name) for name in ("one", "two", "remote")]
    proxy = assemble(tmp_path, backends, probing={"models": ["one", "two"]})
    assert proxy.service.parts.models.ready() == ()
    found = {(canary.model, canary.is_probed) for canary, _ in proxy.service.parts.rollout.looks}
    assert found == {("one", True), ("two", True), ("remote", False)}
