"""The same model, whatever it is called."""

from __future__ import annotations

from pathlib import Path

from proxy.backends.config import LlamaCppConfig, OpenAIConfig, ScriptedConfig, ScriptedRule
from proxy.backends.identity import model_sha256, weights_of
from proxy.backends.local import LocalBackend
from proxy.backends.scripted import ScriptedBackend
from proxy.engine.weights import Conversion, Weights

TOY = ScriptedConfig(name="toy")
_FAKE = ScriptedBackend(TOY)


def identity(config: ScriptedConfig | OpenAIConfig | LlamaCppConfig) -> str:
    """Of a model without weights to look at."""
    return model_sha256(config, _FAKE)


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


def test_converted_weights_count_by_what_they_were_and_what_they_became(tmp_path: Path) -> None:
    """However the conversion was asked for; another version of llama.cpp makes another model."""
    original, converted = tmp_path / "a.gguf", tmp_path / "a-f16.gguf"
    identities = []
    for asked, after in (("f16", "2"), (None, "2"), ("f16", "3")):
        conversion = Conversion("f16", "1" * 64, after * 64, None)
        config = LlamaCppConfig.model_validate({"name": "a", "path": "embedded", "convert": asked})
        backend = LocalBackend(config)
        backend.weights = Weights(converted, original, "1" * 64, conversion)
        identities.append(model_sha256(config, backend))
        assert weights_of(backend) == {
            "original_sha256": "1" * 64,
            "converted_to": "f16",
            "converted_sha256": after * 64,
        }
    assert identities[0] == identities[1] != identities[2]


def test_weights_of_other_models_are_not_known() -> None:
    """Nor those of a local one that has not started."""
    assert weights_of(_FAKE) is None
    assert weights_of(LocalBackend(LlamaCppConfig(name="a", path="m.gguf"))) is None
