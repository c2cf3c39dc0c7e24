"""litellm as a client, which takes the proxy for an OpenAI-compatible provider."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.clients.behind import GREETING
from tests.conformance.clients.site import ABLE, ALL, GREETED, KEY, Site
from tests.conformance.clients.weather import arguments_of
from tests.conftest import PARTS

ERRORS = {
    "no_messages": "BadRequestError",
    "no_model": "NotFoundError",
    "wrong_key": "AuthenticationError",
    "status_429": "RateLimitError",
    "status_500": "InternalServerError",
    "status_503": "ServiceUnavailableError",
    "broken": "MidStreamFallbackError",
    "timeout": "Timeout",
}
SCENES = {
    "scripted": ["whole", "streamed", "asynchronous", *ERRORS],
    "passed": ["whole", "streamed", "asynchronous", "tools", "others", *ERRORS],
    "local": ["whole", "streamed", "asynchronous", "tools"],
}


@pytest.fixture(scope="module")
def outcomes(site: Site) -> Any:
    """What came of all scenes; litellm takes seconds to import, so one process plays them all."""
    has_gguf, _ = PARTS["gguf"]
    models = [model for model in SCENES if model != "local" or has_gguf()]
    plans = [f"{model}:{','.join(SCENES[model])}" for model in models]
    script = "tests.conformance.clients.litellm_client"
    done = subprocess.run(
        [sys.executable, "-m", script, site.base_url, KEY, *plans],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("model", ALL)
def test_one_answer_in_all_forms(outcomes: Any, model: str) -> None:
    """Whole, streamed, and both asynchronously; with token counts."""
    text, n_tokens = outcomes[model]["whole"]["value"]
    assert outcomes[model]["streamed"]["value"] == [text, n_tokens]
    assert n_tokens > 0
    # Answers decoded side by side differ in the last digits, and so now and then in a word.
    if model == "local":
        assert all(outcomes[model]["asynchronous"]["value"])
    else:
        assert outcomes[model]["asynchronous"]["value"] == [text, text] == [GREETING] * 2


@pytest.mark.parametrize("model", ABLE)
def test_tools_are_called(outcomes: Any, model: str) -> None:
    """Whole and streamed."""
    for name, arguments in outcomes[model]["tools"]["value"]:
        assert name == "weather"
        arguments_of(arguments)


@pytest.mark.parametrize("model", GREETED)
def test_errors_are_litellms_own(site: Site, outcomes: Any, model: str) -> None:
    """By status and code, as from OpenAI itself; who loses patience frees the model."""
    played = {name: outcomes[model][name].get("error") for name in ERRORS}
    assert played == ERRORS
    assert site.frees(model)


def test_embeddings_and_text_completions_pass(outcomes: Any) -> None:
    """From a server behind the proxy."""
    assert outcomes["passed"]["others"] == {"value": [[0.25, -1.5], "Good day."]}
