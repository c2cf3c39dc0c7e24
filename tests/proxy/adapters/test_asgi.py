"""Policies in somebody else's application: what it gets, and what its clients see."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client import CollectorRegistry
from starlette.types import Message, Receive, Scope, Send

from proxy.adapters.asgi import GuardTune
from proxy.errors import PolicyError
from tests.asgi import call, scope_of
from tests.edge import write_policy
from tests.proxy.adapters.host_app import ASK, CHAT, POLICY, Rig, living

TURNS = [{"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}]
GUARDED_CHAT = {
    "model": "m",
    "messages": [{"role": "system", "content": "Be careful."}, *TURNS, *ASK["messages"]],
    "temperature": 0.5,
    "max_tokens": 8,
}


def test_application_gets_the_request_as_the_policy_wants_it(tmp_path: Path) -> None:
    """And the client is told which policy it was, whatever the application says."""
    rig = Rig(tmp_path)
    reply = rig.ask(temperature=2, n=1)
    assert rig.host.asked == {**GUARDED_CHAT, "n": 1}
    assert reply.headers["x-guardtune-policy"].startswith("careful@")
    assert reply.headers["x-guardtune-overridden"] == "temperature"
    assert [name for name, _ in reply.messages[0]["headers"]].count(b"x-guardtune-policy") == 1


def test_length_and_type_are_those_of_the_new_body(tmp_path: Path) -> None:
    """Whatever the client said of its own."""
    rig = Rig(tmp_path)
    rig.ask(headers=[("content-length", "7"), ("content-type", "text/plain; charset=utf-16")])
    headers = dict(rig.host.scopes[-1]["headers"])
    assert headers[b"content-length"] == str(len(rig.host.bodies[-1])).encode()
    assert headers[b"content-type"] == b"application/json"


def test_request_that_no_policy_touches_keeps_its_bytes(tmp_path: Path) -> None:
    """Spaces and unknown fields included."""
    rig = Rig(tmp_path, "match: {models: [other]}\n" + POLICY)
    body = b'{ "model": "m", "messages": [{"role": "user", "content": "hi"}],  "x": [1e2] }'
    reply = rig.send([body[:20], body[20:]])
    assert rig.host.bodies == [body]
    assert reply.headers["x-guardtune-policy"].startswith("passthrough@")


def test_each_route_is_guarded_in_its_own_words(tmp_path: Path) -> None:
    """A text completion has no conversation, and a response has its instructions."""
    rig = Rig(tmp_path)
    completion = b'{"model": "m", "prompt": "hi", "temperature": 2}'
    reply = rig.send(completion, path="/v1/completions")
    assert rig.host.asked == {"model": "m", "prompt": "hi", "temperature": 0.5, "max_tokens": 8}
    assert reply.headers["x-guardtune-ignored"] == "system_prompt, demonstrations"
    rig.send(b'{"model": "m", "input": "hi", "max_output_tokens": 99}', path="/v1/responses")
    assert rig.host.asked == {
        "model": "m",
        "input": [*TURNS, {"role": "user", "content": "hi"}],
        "instructions": "Be careful.",
        "temperature": 0.5,
        "max_output_tokens": 8,
    }


def test_other_routes_are_left_alone(tmp_path: Path) -> None:
    """Their bodies are not read, and their answers say nothing of policies."""
    rig = Rig(tmp_path)
    headers = [("x-guardtune-policy", "a@b")]
    reply = rig.send([b"not", b" JSON"], path="/upload", headers=headers)
    assert rig.host.bodies == [b"not JSON"]
    assert reply.headers["x-guardtune-policy"] == "forged@0"
    assert (b"x-guardtune-policy", b"a@b") in rig.host.scopes[-1]["headers"]


def test_routes_of_your_own_speak_like_one_of_openais(tmp_path: Path) -> None:
    """And then the usual ones are left alone."""
    rig = Rig(tmp_path, routes={"/ask": CHAT})
    rig.ask(path="/api/ask")
    assert rig.host.asked == GUARDED_CHAT
    rig.ask()
    assert rig.host.asked == ASK
    with pytest.raises(ValueError, match="none that can be guarded"):
        Rig(tmp_path, routes={"/ask": "/v1/embeddings"})


def test_flavour_decides_what_is_honoured(tmp_path: Path) -> None:
    """Under the names of the server that is asked in the end."""
    policy = "decoding: {repeat_penalty: 1.1, max_tokens: 8}\n"
    rig = Rig(tmp_path, policy)
    assert rig.ask().headers["x-guardtune-ignored"] == "repeat_penalty"
    rig = Rig(tmp_path, policy, flavour="vllm", max_tokens_field="max_completion_tokens")
    assert "x-guardtune-ignored" not in rig.ask(max_tokens=99).headers
    assert rig.host.asked == {**ASK, "repetition_penalty": 1.1, "max_completion_tokens": 8}


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"", 400), (b"[]", 400), (b'{"model": "m"}', 400), (b" " * 2000, 413)],
    ids=["broken", "empty", "no object", "no messages", "too large"],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, body: bytes, status: int) -> None:
    """In OpenAI's form, before the application sees it, and counted."""
    registry = CollectorRegistry()
    rig = Rig(tmp_path, max_body_bytes=1024, registry=registry)
    reply = rig.send(body)
    assert reply.status == status
    assert reply.json["error"]["type"] == "invalid_request_error"
    assert rig.host.scopes == []
    labels = {"code": str(status), "model": "unknown", "policy": "none", "stream": "false"}
    assert registry.get_sample_value("guardtune_requests_total", labels) == 1


def test_required_policy_and_strictness_refuse_as_the_server_does(tmp_path: Path) -> None:
    """With the same codes."""
    rig = Rig(tmp_path, "match: {models: [other]}\n", require_policy=True)
    reply = rig.ask()
    assert (reply.status, reply.json["error"]["code"]) == (403, "policy_required")
    rig = Rig(tmp_path, POLICY, strict=True)
    reply = rig.ask(temperature=2)
    assert (reply.status, reply.json["error"]["code"]) == (400, "enforced_by_policy")
    assert rig.ask(temperature=0.5).status == 200


def test_policies_may_name_keys(tmp_path: Path) -> None:
    """The application knows whose a request is."""
    rig = Rig(
        tmp_path,
        "match: {keys: [team-a]}\n" + POLICY,
        key_id=lambda scope: dict(scope["headers"]).get(b"x-team", b"").decode() or None,
    )
    rig.ask(headers=[("x-team", "team-a")])
    assert rig.host.asked == GUARDED_CHAT
    rig.ask()
    assert rig.host.asked == ASK


def test_rollout_sticks_to_the_conversation_that_a_client_names(tmp_path: Path) -> None:
    """The one header of ours that is a client's to send; it comes in."""
    write_policy(tmp_path, "canary", "match: {priority: 1}\nrollout: {share: 0.5}\n")
    rig = Rig(tmp_path)
    names = [
        rig.ask(headers=[("x-guardtune-conversation", f"c{n}")]).headers["x-guardtune-policy"]
        for n in [*range(12), *range(12)]
    ]
    assert names[:12] == names[12:]
    assert {name.partition("@")[0] for name in names} == {"canary", "careful"}
    assert dict(rig.host.scopes[-1]["headers"])[b"x-guardtune-conversation"] == b"c11"


def test_changed_policy_holds_for_the_next_request(tmp_path: Path) -> None:
    """Without a restart, while the application lives."""

    async def main() -> None:
        rig = Rig(tmp_path)
        changed = asyncio.Event()
        rig.app._policies.store.subscribe(lambda _old, _new: changed.set())
        async with asyncio.timeout(30), living(rig.app):
            write_policy(tmp_path, "careful", "decoding: {temperature: 0.1}\n")
            await changed.wait()
            await call(rig.app, "POST", CHAT, body=msgspec.json.encode(ASK))
        assert rig.host.asked == {**ASK, "temperature": 0.1}
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_broken_policy_changes_nothing(tmp_path: Path) -> None:
    """The last good version stays."""
    rig = Rig(tmp_path)
    (tmp_path / "careful.yaml").write_text("schema: 1\nname: careful\ndecoding: {temperature: 9}\n")
    rig.ask()
    assert rig.host.asked == GUARDED_CHAT


def test_missing_folder_keeps_the_application_from_starting(tmp_path: Path) -> None:
    """Rather than to run unguarded."""
    with pytest.raises(PolicyError):
        Rig(tmp_path / "missing", None)


def test_application_without_a_lifespan_is_guarded_all_the_same(tmp_path: Path) -> None:
    """A mounted one gets none; its requests start the watch."""

    async def main() -> None:
        rig = Rig(tmp_path)
        changed = asyncio.Event()
        rig.app._policies.store.subscribe(lambda _old, _new: changed.set())
        body = msgspec.json.encode(ASK)
        await call(rig.app, "POST", CHAT, body=body)
        assert rig.host.asked == GUARDED_CHAT
        write_policy(tmp_path, "careful", "decoding: {temperature: 0.1}\n")
        async with asyncio.timeout(30):
            await changed.wait()
        await call(rig.app, "POST", CHAT, body=body)
        assert rig.host.asked == {**ASK, "temperature": 0.1}
        await rig.app._policies.close()

    asyncio.run(main())


def test_stream_passes_piece_by_piece(tmp_path: Path) -> None:
    """Each piece is with the client before the next one exists."""

    async def main() -> None:
        sent: list[Message] = []

        async def host(scope: Scope, receive: Receive, send: Send) -> None:
            headers = [(b"content-type", b"text/event-stream")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            for n in range(3):
                await send({"type": "http.response.body", "body": b"%d" % n, "more_body": True})
                assert sent[-1]["body"] == b"%d" % n
            await send({"type": "http.response.body"})

        write_policy(tmp_path, "careful")
        app = GuardTune(host, policies=tmp_path)
        body = msgspec.json.encode({**ASK, "stream": True})

        async def receive() -> Message:
            return {"type": "http.request", "body": body}

        async def send(message: Message) -> None:
            sent.append(message)

        await app(scope_of("POST", CHAT), receive, send)
        assert len(sent) == 5
        assert b"x-guardtune-policy" in dict(sent[0]["headers"])
        await app._policies.close()

    asyncio.run(main())


def test_client_that_leaves_while_sending_is_answered_by_nobody(tmp_path: Path) -> None:
    """And the application never hears of it."""
    rig = Rig(tmp_path)

    async def main() -> list[Message]:
        pieces: list[Message] = [
            {"type": "http.request", "body": b"{", "more_body": True},
            {"type": "http.disconnect"},
        ]
        sent: list[Message] = []

        async def receive() -> Message:
            return pieces.pop(0)

        async def send(message: Message) -> None:
            sent.append(message)

        await rig.app(scope_of("POST", CHAT), receive, send)
        return sent

    assert asyncio.run(main()) == []
    assert rig.host.scopes == []


def test_answers_are_counted_by_policy_and_status(tmp_path: Path) -> None:
    """Only names that the operator listed become labels: a client can make up any other."""
    registry = CollectorRegistry()
    rig = Rig(tmp_path, registry=registry, models=["m"])
    rig.ask()
    rig.host.status = 503
    rig.ask(model="made up", stream=True)

    def requests(model: str, code: int, stream: str) -> float | None:
        labels = {"model": model, "policy": "careful", "code": str(code), "stream": stream}
        return registry.get_sample_value("guardtune_requests_total", labels)

    assert requests("m", 200, "false") == 1
    assert requests("unknown", 503, "true") == 1


@pytest.mark.parametrize(
    ("path", "body", "count"),
    [(CHAT, ASK, None), ("/v1/completions", {"model": "m", "prompt": "hi"}, 1)],
    ids=["chat", "completions"],
)
def test_unguarded_answers_are_counted(
    tmp_path: Path, path: str, body: dict[str, Any], count: float | None
) -> None:
    """A policy's prompt has no place in a text completion."""
    registry = CollectorRegistry()
    Rig(tmp_path, registry=registry).send(msgspec.json.encode(body), path=path)
    assert registry.get_sample_value("guardtune_unguarded_total", {"route": path}) == count


def test_failing_application_fails_as_it_would_without_us(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its error handlers see its own exception."""

    async def host(scope: Scope, receive: Receive, send: Send) -> None:
        raise LookupError("theirs")

    write_policy(tmp_path, "careful")
    app = GuardTune(host, policies=tmp_path)
    with caplog.at_level(logging.ERROR), pytest.raises(LookupError, match="theirs"):
        asyncio.run(call(app, "POST", CHAT, body=msgspec.json.encode(ASK)))
