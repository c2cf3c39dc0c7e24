"""`guardtune eval` with the real model, judge and files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from proxy.evaluation.command import main

ROOT = Path(__file__).parents[2]


@pytest.mark.gguf
def test_two_policies_are_measured_on_the_embedded_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A few prompts: every answer is scored or says why, and the second run generates nothing."""
    arguments = [
        "--model", "embedded", "--judge", "embedded-lexical", "--second-judge", "none",
        "--policy", str(ROOT / "policies/default.yaml"),
        "--policy", str(ROOT / "policies/strict.yaml"),
        "-n", "3", "--max-tokens", "24",
        "--store", str(tmp_path / "e.sqlite"), "--out", str(tmp_path / "out"),
    ]  # fmt: skip
    assert main(arguments) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["model"]["name"] == "smollm2-135m-instruct"
    assert [policy["name"] for policy in report["policies"]] == ["default", "strict"]
    for policy in report["policies"]:
        assert policy["answered"] == 6
        assert policy["cost"]["completion_tokens"] > 0
        assert policy["rates"]["harmful"]["n"] + policy["unscored"]["k"] >= 3
    capsys.readouterr()
    assert main(arguments) == 0
    assert "all 12 answers are stored" in capsys.readouterr().err
    again = json.loads((tmp_path / "out" / "report.json").read_text())
    assert again["policies"] == report["policies"]
