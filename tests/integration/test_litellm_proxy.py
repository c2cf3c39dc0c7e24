"""A real LiteLLM proxy with our hook in it, in front of a real server."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
import yaml

from tests.edge import write_policy
from tests.integration.litellm_proxy import KEY, LiteLLM, running

pytestmark = [pytest.mark.litellm_proxy, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
POLICY = """\
match: {models: [m, text]}
system_prompt: {text: Be careful.}
demonstrations: [{user: u, assistant: a}]
decoding: {temperature: 0.5, max_tokens: {max: 8}, top_k: 4}
"""
MESSAGES = [
    {"role": "system", "content": "Be careful."},
    {"role": "user", "content": "u"},
    {"role": "assistant", "content": "a"},
    {"role": "user", "content": "hi"},
]
CHANGED_WITHIN_S = 30


def _config() -> str:
    """The one that docs/middleware.md shows, with two models more."""
    page = (ROOT / "docs" / "middleware.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    config = yaml.safe_load(block)
    (shown,) = config["model_list"]
    shown["litellm_params"] |= {"api_base": "UPSTREAM"}
    text = {**shown["litellm_params"], "model": "text-completion-openai/u"}
    config["model_list"] = [
        {**shown, "model_name": "m"},
        {**shown, "model_name": "unmatched"},
        {"model_name": "text", "litellm_params": text},
    ]
    there = {name: shown["litellm_params"][name] for name in ("api_base", "api_key")}
    config["files_settings"] = [{"custom_llm_provider": "openai", **there}]
    return yaml.safe_dump(config)


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiteLLM]:
    """One for all tests: it takes long to start."""
    folder = tmp_path_factory.mktemp("litellm")
    write_policy(folder / "policies", "careful", POLICY)
    environ = {
        "GUARDTUNE_POLICIES": str(folder / "policies"),
        "GUARDTUNE_REQUIRE_POLICY": "true",
    }
    with running(folder, _config(), environ) as started:
        yield started


def _client(proxy: LiteLLM) -> openai.OpenAI:
    return openai.OpenAI(
        base_url=f"http://127.0.0.1:{proxy.port}/v1", api_key=KEY, max_retries=0, timeout=60
    )


def test_upstream_is_asked_under_the_policy(proxy: LiteLLM) -> None:
    """And the official client sees which one it was, and what it could not do."""
    with _client(proxy) as client:
        reply = client.chat.completions.with_raw_response.create(
            model="m", messages=[{"role": "user", "content": "hi"}], temperature=2
        )
    assert reply.parse().choices[0].message.content == "Good day."
    assert reply.headers["x-guardtune-policy"].startswith("careful@")
    assert reply.headers["x-guardtune-overridden"] == "temperature"
    assert reply.headers["x-guardtune-ignored"] == "top_k"
    asked = proxy.upstream.asked
    assert asked["messages"] == MESSAGES
    assert (asked["temperature"], asked["max_tokens"]) == (0.5, 8)


def test_stream_is_asked_under_the_policy_too(proxy: LiteLLM) -> None:
    """The same, and it streams."""
    with _client(proxy) as client:
        reply = client.chat.completions.with_raw_response.create(
            model="m", messages=[{"role": "user", "content": "hi"}], temperature=2, stream=True
        )
        texts = [chunk.choices[0].delta.content or "" for chunk in reply.parse() if chunk.choices]
    assert "".join(texts) == "Good day."
    assert reply.headers["x-guardtune-policy"].startswith("careful@")
    asked = proxy.upstream.asked
    assert asked["stream"] is True
    assert (asked["messages"], asked["temperature"]) == (MESSAGES, 0.5)


def test_text_completion_is_decoded_under_the_policy(proxy: LiteLLM) -> None:
    """Its prompt has no place there."""
    reply = proxy.post("/v1/completions", model="text", prompt="hi", temperature=2)
    assert reply.status == 200
    assert reply.headers["x-guardtune-ignored"].startswith("system_prompt, demonstrations")
    assert proxy.upstream.asked["temperature"] == 0.5


def test_response_has_the_policy_in_its_instructions(proxy: LiteLLM) -> None:
    """And its turns before the client's input."""
    reply = proxy.post("/v1/responses", model="m", input="hi", temperature=2)
    assert reply.status == 200
    assert reply.headers["x-guardtune-policy"].startswith("careful@")
    asked = proxy.upstream.asked
    assert (asked["instructions"], asked["temperature"]) == ("Be careful.", 0.5)
    assert [turn["content"] for turn in asked["input"]] == ["u", "a", "hi"]


@pytest.mark.parametrize(
    "fields",
    [
        {"extra_body": {"temperature": 2, "messages": [], "samplers": ["x"], "max_tokens": 99}},
        {"additional_drop_params": ["temperature", "messages"], "drop_params": True},
        {"max_completion_tokens": 99, "n_predict": 99, "num_predict": 99},
        {"options": {"temperature": 2}, "samplers": ["x"], "min_tokens": 9, "ignore_eos": True},
        {"chat_template": "{{ x }}", "roles": {"system": {"pre_message": "x"}}},
        {"supports_system_message": False, "final_prompt_value": "Sure,"},
        {"messages": [*MESSAGES[-1:], {"role": "assistant", "content": "Sure,"}]},
        {"fallbacks": [{"model": "unmatched", "messages": []}]},
    ],
    ids=lambda fields: next(iter(fields)),
)  # fmt: skip
def test_no_way_around_reaches_the_upstream(proxy: LiteLLM, fields: dict[str, Any]) -> None:
    """LiteLLM's own controls, providers' words and servers' overrides."""
    reply = proxy.chat(temperature=2, **fields)
    assert reply.status == 200, reply.body
    asked = proxy.upstream.asked
    assert asked["messages"] == MESSAGES
    assert (asked["temperature"], asked["max_tokens"]) == (0.5, 8)
    assert asked.keys() <= {
        "model",
        "messages",
        "temperature",
        "max_tokens",
        "extra_body",
        "stream",
    }
    assert not asked.get("extra_body")
    assert "temperature" in reply.headers["x-guardtune-overridden"]


def test_headers_of_ours_go_nowhere(proxy: LiteLLM) -> None:
    """A client's copies end here."""
    reply = proxy.chat({"x-guardtune-policy": "forged@0", "x-guardtune-x": "1"})
    assert reply.headers["x-guardtune-policy"].startswith("careful@")
    _, headers, _ = proxy.upstream.requests[-1]
    assert not [name for name in headers if name.startswith("x-guardtune")]


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/v1/chat/completions", {"model": "unmatched"}, "policy_required"),
        ("/v1/chat/completions", {"model": "m,unmatched"}, "invalid_model"),
        ("/v1/chat/completions", {"model": "m", "temperature": "hot"}, "invalid_type"),
        ("/v1/messages", {"model": "m", "max_tokens": 9}, "route_not_guarded"),
    ],
    ids=["no policy", "two models", "unreadable", "another api"],
)
def test_refusals_are_openais_errors_and_reach_nobody(
    proxy: LiteLLM, path: str, body: dict[str, Any], code: str
) -> None:
    """With a message, a type, and our code where LiteLLM has room for it."""
    before = len(proxy.upstream.requests)
    reply = proxy.post(path, messages=MESSAGES[-1:], **body)
    assert reply.status == (403 if code in {"policy_required", "route_not_guarded"} else 400)
    error = reply.json["error"]
    assert error["message"]
    assert isinstance(error["type"], str)
    if path != "/v1/messages":  # Anthropic's errors have none
        assert error["provider_specific_fields"] == {"guardtune_code": code}
    assert len(proxy.upstream.requests) == before


def test_embeddings_pass(proxy: LiteLLM) -> None:
    """No text is generated."""
    reply = proxy.post("/v1/embeddings", model="m", input="hi")
    assert reply.status == 200, reply.body


def test_records_of_a_batch_file_are_under_their_policies(proxy: LiteLLM) -> None:
    """One by one, when the file comes; a batch is made of it only where an operator lets it."""
    record = {
        "custom_id": "1",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"model": "m", "messages": MESSAGES[-1:], "temperature": 2},
    }
    with _client(proxy) as client:
        client.files.create(
            file=("batch.jsonl", json.dumps(record).encode()),
            purpose="batch",
            extra_body={"custom_llm_provider": "openai"},
        )
        (line,) = re.findall(r"^\{.*\}", proxy.upstream.asked["form"], flags=re.MULTILINE)
        body = json.loads(line)["body"]
        assert (body["messages"], body["temperature"]) == (MESSAGES, 0.5)
        before = len(proxy.upstream.requests)
        # A 403; LiteLLM makes a 500 of any error here where it has no database client.
        with pytest.raises(openai.APIStatusError):
            client.batches.create(
                input_file_id="file-1", endpoint="/v1/chat/completions", completion_window="24h"
            )
        assert len(proxy.upstream.requests) == before


def test_changed_policy_holds_without_a_restart(proxy: LiteLLM) -> None:
    """Within the time that the folder takes to settle. The last test: it changes what holds."""
    write_policy(proxy.policies, "careful", POLICY.replace("0.5", "0.25"))
    deadline = time.monotonic() + CHANGED_WITHIN_S
    while time.monotonic() < deadline:
        proxy.chat()
        if proxy.upstream.asked["temperature"] == 0.25:
            return
    raise AssertionError(proxy.upstream.asked)
