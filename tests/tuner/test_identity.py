"""Answers are never taken for another model's."""

from __future__ import annotations

from pathlib import Path

from proxy.backends.config import LlamaCppConfig, OpenAIConfig, ScriptedConfig, ScriptedRule
from proxy.backends.local import LocalBackend
from proxy.backends.scripted import ScriptedBackend
from proxy.engine.weights import Weights
from tuner.identity import model_sha256

FAKE = ScriptedBackend(ScriptedConfig(name="x"))


def test_what_only_changes_the_speed_is_no_other_model() -> None:
    """Slots, threads, the served name."""
    first = LlamaCppConfig(name="a", path="m.gguf", slots=4, threads=1)
    second = LlamaCppConfig(name="b", path="m.gguf", slots=16)
    assert model_sha256(first, FAKE) == model_sha256(second, FAKE)


def test_what_changes_the_answers_is_another_model() -> None:
    """Conversion, rules, address."""
    converted = LlamaCppConfig(name="a", path="m.gguf", convert="q8_0")
    assert model_sha256(converted, FAKE) != model_sha256(
        LlamaCppConfig(name="a", path="m.gguf"), FAKE
    )
    ruled = ScriptedConfig(name="a", rules=(ScriptedRule(answers=("no",)),))
    assert model_sha256(ruled, FAKE) != model_sha256(ScriptedConfig(name="a"), FAKE)
    remote = [OpenAIConfig(name="a", base_url=f"http://127.0.0.1:{port}/v1") for port in (1, 2)]
    assert len({model_sha256(config, FAKE) for config in remote}) == 2


def test_local_weights_count_by_content(tmp_path: Path) -> None:
    """The same file under another path is the same model; another content is not."""
    identities = []
    for name, content in [("a.gguf", b"1"), ("b.gguf", b"1"), ("c.gguf", b"2")]:
        path = tmp_path / name
        path.write_bytes(content)
        config = LlamaCppConfig(name="a", path=str(path))
        backend = LocalBackend(config)
        backend.weights = Weights(path, path)
        identities.append(model_sha256(config, backend))
    assert identities[0] == identities[1] != identities[2]
