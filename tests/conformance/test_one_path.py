"""Streamed or whole, an answer takes one path: the same policy, the same judge, the same counts."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from proxy.app import Proxy
from proxy.backends.base import Backend
from proxy.backends.config import OpenAIConfig, ScriptedRule
from proxy.backends.openai import OpenAIBackend
from proxy.backends.scripted import ScriptedBackend
from proxy.domain import Exchange
from tests.asgi import call
from tests.conformance.clients.behind import GREETING, Behind
from tests.conformance.streams import engine_saying
from tests.edge import StubJudge, assemble, running, scripted, write_policy
from tests.loopback import Loopback, loopback

CHAT, RESPONSES = "/v1/chat/completions", "/v1/responses"
POLICY = """\
system_prompt: {text: Be careful.}
demonstrations: [{user: u, assistant: a}]
decoding: {temperature: 0.5, max_tokens: 64, top_k: 4}
"""
ASKED: dict[str, dict[str, Any]] = {
    CHAT: {"messages": [{"role": "user", "content": "hi"}]},
    "/v1/completions": {"prompt": "hi"},
    RESPONSES: {"input": "hi"},
}
CASES = [("local", CHAT), ("scripted", CHAT), *(("passed", path) for path in ASKED)]
_COUNT = re.compile(r"guardtune_(?!engine|time)\w+_(?:total|count)(?:\{(?!.*cached)|$)")
"""All but times that only a stream has, and what a prompt computed ahead of time may have saved."""

_STREAM = re.compile(r',stream="(?:true|false)"')


@dataclass(frozen=True)
class Trace:
    """All that one request left behind, but for the form of its answer.

    Args:
        headers: what the client was told of the policy.
        asked: what the model was asked; None of the local engine, whose prompt is in the counts.
        judged: what the judge was given.
        counts: every counter of ours that moved.
    """

    headers: dict[str, str]
    asked: Any
    judged: list[Exchange]
    counts: list[str]


def trace(
    folder: Path, model: str, path: str, *, stream: bool, rule: ScriptedRule | None = None
) -> Trace:
    """Send one request, which tries to undo the policy, and look at what it left."""
    write_policy(folder, "careful", POLICY)
    judge = StubJudge()
    body = {"model": model, **ASKED[path], "stream": stream, "temperature": 2.0}
    if path != RESPONSES:
        body["stream_options"] = {"include_usage": True}

    async def run() -> Trace:
        async with loopback(Behind().play) as server:
            backend = _backend(model, server, rule or ScriptedRule(answers=(GREETING,)))
            proxy = assemble(folder, [backend], judge=judge)
            async with running(proxy):
                reply = await call(proxy.app, "POST", path, body=msgspec.json.encode(body))
                await proxy.service.parts.live.join()
            told = {
                name: value for name, value in reply.headers.items() if name.startswith("x-guard")
            }
            return Trace(told, _asked(backend, server), judge.seen, sorted(_counts(proxy)))

    return asyncio.run(run())


def _backend(model: str, server: Loopback, rule: ScriptedRule) -> Backend:
    match model:
        case "local":
            backend = engine_saying(GREETING)
            backend.model = model
            return backend
        case "scripted":
            return scripted(rule, name=model)
    return OpenAIBackend(OpenAIConfig(name=model, base_url=server.url, flavour="vllm"))


def _asked(backend: Backend, server: Loopback) -> Any:
    if isinstance(backend, ScriptedBackend):
        (request,) = backend.requests
        return request.messages, {**request.fields, "stream": None}
    return [{**request.json, "stream": None} for request in server.requests]


def _counts(proxy: Proxy) -> Iterator[str]:
    for line in proxy.metrics.render().decode().splitlines():
        name, _, value = line.rpartition(" ")
        if _COUNT.match(name) and float(value):
            yield f"{_STREAM.sub('', name)} {value}"


@pytest.mark.parametrize(("model", "path"), CASES)
def test_policy_judge_and_counts_are_the_same_in_both_forms(
    tmp_path: Path, model: str, path: str
) -> None:
    """On each route and with each kind of model."""
    whole = trace(tmp_path, model, path, stream=False)
    streamed = trace(tmp_path, model, path, stream=True)
    assert streamed == whole
    assert whole.headers["x-guardtune-policy"].startswith("careful@")
    assert whole.headers["x-guardtune-overridden"] == "temperature"
    (exchange,) = whole.judged
    assert (exchange.prompt, bool(exchange.answer)) == ("hi", True)
    assert any(count.startswith("guardtune_judged_total") for count in whole.counts)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_answer_that_breaks_off_is_counted_and_not_judged(tmp_path: Path, *, stream: bool) -> None:
    """Whether its client saw half of it or none."""
    rule = ScriptedRule(answers=(GREETING,), break_after=2)
    left = trace(tmp_path, "scripted", CHAT, stream=stream, rule=rule)
    assert left.judged == []
    assert not any(count.startswith("guardtune_judged_total") for count in left.counts)
    failed = 'guardtune_upstream_errors_total{error_type="closed",model="scripted"} 1.0'
    assert failed in left.counts
