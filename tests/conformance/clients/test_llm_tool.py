"""The `llm` command, as a process, with models of ours in its `extra-openai-models.yaml`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.conformance.clients.behind import GREETING
from tests.conformance.clients.site import ABLE, ALL, KEY, Site

pytestmark = pytest.mark.llm

Llm = Callable[..., "subprocess.CompletedProcess[str]"]
WEATHER_FUNCTION = 'def weather(city: str) -> str:\n    "The weather in a city."\n    return "21"\n'


@pytest.fixture
def llm(site: Site, tmp_path: Path) -> Llm:
    """The command, with a folder and a key of its own."""
    models = [
        {
            "model_id": f"our-{name}",
            "model_name": name,
            "api_base": site.base_url,
            "api_key_name": "ours",
            "supports_tools": True,
            "supports_schema": True,
        }
        for name in ("scripted", "passed", "local")
    ]
    (tmp_path / "extra-openai-models.yaml").write_text(yaml.safe_dump(models), encoding="utf-8")
    (tmp_path / "keys.json").write_text(json.dumps({"ours": KEY}), encoding="utf-8")
    environ = {**os.environ, "LLM_USER_PATH": str(tmp_path), "LLM_LOAD_PLUGINS": ""}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "llm", *arguments],
            env=environ, input="", capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    return run


@pytest.mark.parametrize("model", ALL)
def test_prompt_is_answered_in_a_stream(llm: Llm, model: str) -> None:
    """With the token counts that the command asks for."""
    done = llm("prompt", "hello", "--usage", "-m", f"our-{model}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == GREETING or (model == "local" and done.stdout.strip())
    assert re.search(r"Token usage: [1-9]\d* input, [1-9]\d* output", done.stderr)


def test_conversation_goes_on_under_the_policy(site: Site, llm: Llm) -> None:
    """Each turn with all before it, the policy's words first, those of the user joined to them."""
    assert llm("prompt", "hello", "-m", "our-passed", "-s", "Be short.").returncode == 0
    assert llm("prompt", "and now?", "-c").returncode == 0
    system, *turns = site.behind.last["messages"]
    assert system == {"role": "system", "content": "Be kind.\n\nBe short."}
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]


@pytest.mark.parametrize("model", ABLE)
def test_answer_has_the_schema_that_is_asked_for(llm: Llm, model: str) -> None:
    """Asked for in the command's own short form, and not streamed."""
    options = ["--no-stream", "--schema", "city, degrees int", "-o", "max_tokens", "64"]
    done = llm("prompt", "weather", "-m", f"our-{model}", *options)
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) == {"city", "degrees"}


def test_function_is_called(site: Site, llm: Llm) -> None:
    """And what it returns goes back."""
    done = llm("prompt", "weather?", "-m", "our-passed", "--functions", WEATHER_FUNCTION)
    assert (done.returncode, done.stdout.strip()) == (0, GREETING), done.stderr
    assert site.behind.last["messages"][-1]["content"] == "21"


def test_failure_is_an_error_in_words(llm: Llm) -> None:
    """And an exit status; one that its client does not try again by itself."""
    broken = llm("prompt", "status 400", "-m", "our-passed")
    assert broken.returncode == 1
    assert "Slow down." in broken.stderr
