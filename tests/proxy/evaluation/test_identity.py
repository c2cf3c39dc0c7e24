"""The same model and the same policy, whatever they are called."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import cast

from proxy.backends.base import Backend
from proxy.backends.config import LlamaCppConfig, OpenAIConfig, ScriptedConfig, ScriptedRule
from proxy.backends.scripted import ScriptedBackend
from proxy.evaluation.identity import _file_sha256, model_sha256, phenotype_key
from proxy.policy.schema import PASSTHROUGH, Policy

TOY = ScriptedConfig(name="toy")


def identity(config: ScriptedConfig | OpenAIConfig | LlamaCppConfig) -> str:
    """Of a model without weights to look at."""
    return model_sha256(config, cast("Backend", ScriptedBackend(TOY)))


def test_names_and_speed_do_not_count() -> None:
    """Only what shapes answers."""
    assert identity(TOY) == identity(ScriptedConfig(name="other"))
    one = LlamaCppConfig(name="m", path="m.gguf")
    assert identity(one) == identity(one.model_copy(update={"slots": 3, "threads": 1}))


def test_what_shapes_answers_counts() -> None:
    """The script, the address, the file."""
    other = ScriptedConfig(name="toy", rules=(ScriptedRule(answers=("No.",)),))
    assert identity(TOY) != identity(other)
    here = OpenAIConfig(name="m", base_url="http://127.0.0.1:1/v1")
    there = OpenAIConfig(name="m", base_url="http://127.0.0.1:2/v1")
    assert identity(here) != identity(there)
    one = LlamaCppConfig(name="m", path="m.gguf")
    assert identity(one) != identity(one.model_copy(update={"path": "n.gguf"}))


def test_a_file_is_known_by_its_content(tmp_path: Path) -> None:
    """Read once, in pieces."""
    (tmp_path / "a.gguf").write_bytes(b"weights")
    assert _file_sha256(tmp_path / "a.gguf") == hashlib.sha256(b"weights").hexdigest()


def test_a_policy_is_what_it_does() -> None:
    """Name, description and match do not count; text and settings do."""
    named = Policy.model_validate({"schema": 1, "name": "other", "match": {"priority": 3}})
    does = Policy.model_validate({"schema": 1, "name": "other", "decoding": {"top_k": 3}})
    assert phenotype_key(named) == phenotype_key(PASSTHROUGH)
    assert phenotype_key(does) != phenotype_key(PASSTHROUGH)
