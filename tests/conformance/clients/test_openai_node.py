"""The official Node client, against a model of each kind."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.clients.behind import GREETING
from tests.conformance.clients.site import ABLE, ALL, GREETED, KEY, Site
from tests.conformance.clients.weather import arguments_of
from tests.node_packages import PINNED, node_modules

pytestmark = pytest.mark.node

Play = Callable[..., Any]


@pytest.fixture
def play(site: Site, tmp_path: Path) -> Play:
    """Have a process of Node play scenes with a model, and say what came of each."""
    # Node looks for packages beside the script, and ours are outside the checkout.
    script = shutil.copy(PINNED / "client.mjs", tmp_path)
    (tmp_path / "node_modules").symlink_to(node_modules())

    def run(model: str, *scenes: str) -> Any:
        done = subprocess.run(
            ["node", script, site.base_url, KEY, model, *scenes],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)

    return run


@pytest.mark.parametrize("model", ALL)
def test_stream_says_what_the_whole_answer_says(play: Play, model: str) -> None:
    """With the policy and the request's id in its headers, and usage at its end."""
    outcomes = play(model, "chat", "stream")
    whole, streamed = outcomes["chat"]["value"], outcomes["stream"]["value"]
    assert streamed["text"] == whole["text"]
    assert whole["text"] == GREETING or model == "local"
    assert streamed["usage"]["completion_tokens"] == whole["usage"]["completion_tokens"] > 0
    assert whole["policy"].startswith("careful@")
    assert whole["request_id"].startswith("req-")


@pytest.mark.parametrize("model", ABLE)
def test_tools_are_called_whole_and_from_a_stream(play: Play, model: str) -> None:
    """And a result is read."""
    outcomes = play(model, "tools", "streamed_tools")
    for scene in ("tools", "streamed_tools"):
        call = outcomes[scene]["value"]
        assert call["name"] == "weather"
        arguments_of(call["arguments"])
    assert outcomes["tools"]["value"]["told"]


@pytest.mark.parametrize("model", ALL)
def test_structured_answer_is_parsed(play: Play, model: str) -> None:
    """By the user's own schema, whole and from a stream."""
    for parsed in play(model, "structured")["structured"]["value"]:
        assert parsed["city"] in {"Paris", "Rome"}
        assert isinstance(parsed["degrees"], int)


@pytest.mark.parametrize("model", ALL)
def test_mistakes_have_the_clients_own_classes(play: Play, model: str) -> None:
    """With the field at fault and an id to ask about."""
    outcomes = play(model, "no_messages", "no_model", "wrong_key")
    wrong, missing, unknown = (outcome["error"] for outcome in outcomes.values())
    assert (wrong["name"], wrong["status"], wrong["param"]) == ("BadRequestError", 400, "messages")
    assert wrong["requestID"].startswith("req-")
    assert (missing["name"], missing["code"]) == ("NotFoundError", "model_not_found")
    assert (unknown["name"], unknown["code"]) == ("AuthenticationError", "invalid_api_key")


@pytest.mark.parametrize("model", GREETED)
def test_failures_of_a_model_raise(play: Play, model: str) -> None:
    """A refusal by its status, a stream that breaks off by its last frame."""
    outcomes = play(model, "busy", "broken")
    busy, broken = outcomes["busy"]["error"], outcomes["broken"]["error"]
    assert (busy["name"], busy["status"]) == ("RateLimitError", 429)
    assert busy["code"] == ("busy" if model == "passed" else None)
    assert broken["name"] == "APIError"
    assert broken["code"] == "upstream_closed"


@pytest.mark.parametrize("model", GREETED)
def test_client_that_loses_patience_frees_the_model(site: Site, play: Play, model: str) -> None:
    """By its own timeout, and by an abort signal."""
    outcomes = play(model, "timeout", "abort")
    assert outcomes["timeout"]["error"]["name"] == "APIConnectionTimeoutError"
    assert outcomes["abort"]["error"]["name"] == "APIUserAbortError"
    assert site.frees(model)
    assert site.frees(model)


@pytest.mark.parametrize("model", ABLE)
def test_leaving_a_stream_frees_the_model(site: Site, play: Play, model: str) -> None:
    """Breaking out of the loop is all that users do."""
    assert play(model, "abort_stream")["abort_stream"] == {"value": True}
    assert site.frees(model)


def test_other_routes_answer_for_a_server_behind(play: Play) -> None:
    """Parsed by the client."""
    outcomes = play("passed", "others", "models")
    said = "Good day."
    assert outcomes["others"]["value"] == {
        "completion": said, "response": said, "streamed": said, "embedding": [0.25, -1.5],
    }  # fmt: skip
    assert outcomes["models"]["value"][:2] == ["scripted", "passed"]
