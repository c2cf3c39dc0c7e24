"""A whole proxy that is watched."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from proxy.app import Proxy, build
from proxy.backends.config import ScriptedRule
from proxy.settings import Settings
from tests.asgi import Reply, call
from tests.edge import StubJudge, running, scripted, write_policy
from tests.otel import Kept, kept

pytestmark = pytest.mark.otel

CHAT = "/v1/chat/completions"


def _proxy(folder: Path, found: Kept, **settings: Any) -> Proxy:
    write_policy(folder, "careful", "system_prompt: {text: Take care.}\n")
    backends = [
        scripted(ScriptedRule(answers=("private answer",)), name="fake"),
        scripted(ScriptedRule(status=500), name="broken"),
    ]
    models: list[dict[str, Any]] = [
        {"name": backend.model, "backend": "scripted"} for backend in backends
    ]
    models[1]["fallbacks"] = ["fake"]
    checked = Settings.model_validate({
        "probing": {"enabled": False}, "models": models, "policies": str(folder), **settings,
    })  # fmt: skip
    return build(
        checked,
        environ={},
        backends=backends,
        judge=StubJudge(),
        hooks=found.hooks(checked.models),
    )


async def _ask(proxy: Proxy, model: str, **fields: object) -> Reply:
    body = {"model": model, "messages": [{"role": "user", "content": "private"}], **fields}
    sent = [("content-type", "application/json")]
    return await call(proxy.app, "POST", CHAT, headers=sent, body=json.dumps(body).encode())


@pytest.mark.parametrize("stream", [False, True])
def test_trace_leads_from_the_request_to_the_verdict(tmp_path: Path, stream: bool) -> None:  # noqa: FBT001 - a parameter
    """Server → policy, server → call of the model → guardrail; and no word of what was said."""
    found = kept()
    proxy = _proxy(tmp_path, found)

    async def run() -> None:
        async with running(proxy):
            assert (await _ask(proxy, "fake", stream=stream)).status == 200
            await proxy.service.parts.live.join()

    asyncio.run(run())
    server, policy = found.span("POST"), found.span("apply policy")
    model, guardrail = found.span("chat fake"), found.span("guardrail stub-1")
    assert {span.context.trace_id for span in found.spans} == {server.context.trace_id}
    assert policy.parent.span_id == server.context.span_id
    assert model.parent.span_id == server.context.span_id
    assert guardrail.parent.span_id == model.context.span_id
    assert policy.attributes["guardtune.policy.name"] == "careful"
    assert server.attributes["guardtune.policy"].startswith("careful@")
    assert guardrail.attributes["guardtune.verdict.outcome"] == "unscored"
    assert "private" not in "".join(span.to_json() for span in found.spans)


def test_each_model_that_was_asked_has_its_call(tmp_path: Path) -> None:
    """Beside one another, not within: the second is not the first one's doing."""
    found = kept()
    proxy = _proxy(tmp_path, found)

    async def run() -> None:
        async with running(proxy):
            assert (await _ask(proxy, "broken")).headers["x-guardtune-model"] == "fake"
            await proxy.service.parts.live.join()

    asyncio.run(run())
    server, first, second = found.span("POST"), found.span("chat broken"), found.span("chat fake")
    assert first.parent.span_id == second.parent.span_id == server.context.span_id
    assert first.attributes["error.type"]
    assert "error.type" not in second.attributes
    assert found.span("guardrail").parent.span_id == second.context.span_id


def test_refused_request_ends_its_span(tmp_path: Path) -> None:
    """One that names no model has a policy span that failed, and no call."""
    found = kept()
    proxy = _proxy(tmp_path, found)

    async def run() -> None:
        async with running(proxy):
            assert (await _ask(proxy, "nobody")).status == 404

    asyncio.run(run())
    assert found.span("apply policy").attributes["error.type"] == "RequestError"
    assert found.span("POST").attributes["http.response.status_code"] == 404
    assert len(found.spans) == 2
