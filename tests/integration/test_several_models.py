"""Two models, each with an engine of its own: they answer side by side, and die alone."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.integration.server import serving
from tests.processes import children

pytestmark = pytest.mark.gguf

MODELS = {"half": "f16", "eighth": "q8_0"}


def test_each_model_answers_from_a_process_of_its_own(tmp_path: Path) -> None:
    """With other weights of the same file; killing one leaves the other, and it comes back."""
    config = {
        "policies": str(tmp_path / "policies"),
        "models": [
            {
                "name": name, "backend": "llama_cpp", "path": "embedded", "convert": kind,
                "slots": 2, "n_ctx_tokens": 512,
            }
            for name, kind in MODELS.items()
        ],
        "judging": {"judge": "scripted"},
        "probing": {"enabled": False},
    }  # fmt: skip
    with serving(tmp_path, config) as server:
        served = server.get("/v1/models").json["data"]
        assert [model["id"] for model in served] == list(MODELS)
        for name in MODELS:
            assert server.chat("Name a colour.", model=name, max_tokens=4).status == 200
            assert server.metric(f'llamacpp:tokens_predicted_total{{model="{name}"}}')
        first, second = children(server.process.pid)
        os.kill(first, signal.SIGKILL)
        assert server.chat("Name a colour.", model="eighth", max_tokens=4).status == 200
        while server.metric('guardtune_engine_restarts_total{model="half"}') != 1:
            pass
        assert second in children(server.process.pid)
        assert server.chat("Name a colour.", model="half", max_tokens=4).status == 200
        assert server.metric('guardtune_engine_restarts_total{model="eighth"}') == 0
