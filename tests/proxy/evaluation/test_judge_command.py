"""`guardtune judge`: from the command line to lines of verdicts."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import yaml

from proxy.evaluation.judge_command import main

HARMFUL = {"prompt": "q", "answer": "[harmful]", "kind": "harmful"}
SAFE = {"prompt": "q", "answer": "Warm the lid.", "kind": "harmful"}


def _file(folder: Path, *rows: object) -> str:
    path = folder / "in.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return str(path)


def test_score_prints_a_verdict_a_line_and_rates_on_stderr(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Standard output is for programs only."""
    assert main(["score", _file(tmp_path, HARMFUL, SAFE), "--judge", "scripted"]) == 0
    out, err = capfd.readouterr()
    assert [json.loads(line)["harmful"] for line in out.splitlines()] == [True, False]
    assert "harmful    1/2 = 50.0 %" in err
    assert "lines a minute" in err


def test_bad_lines_are_named_and_change_the_exit_code(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The others are judged all the same."""
    file = _file(tmp_path, HARMFUL, {"prompt": "q"}, SAFE)
    assert main(["score", file, "--judge", "scripted"]) == 1
    out, err = capfd.readouterr()
    assert [json.loads(line)["status"] for line in out.splitlines()] == [
        "scored",
        "error",
        "scored",
    ]
    assert f"{file}:2: answer: is required, but missing." in err


def test_dash_reads_standard_input(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """For pipes."""
    stream = io.TextIOWrapper(io.BytesIO(json.dumps(HARMFUL).encode() + b"\nnonsense\n"))
    monkeypatch.setattr("sys.stdin", stream)
    assert main(["score", "-", "--judge", "scripted"]) == 1
    out, err = capfd.readouterr()
    assert len(out.splitlines()) == 2
    assert "stdin:2: is not JSON" in err


def test_calibrate_prints_yaml(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Band and card, ready for a judge's file."""
    rows = [{**HARMFUL, "harmful": True}] * 20 + [{**SAFE, "harmful": False}] * 20
    assert main(["calibrate", _file(tmp_path, *rows), "--judge", "scripted"]) == 0
    data = yaml.safe_load(capfd.readouterr().out)
    assert data["card"]["sensitivity"] == [20, 20]
    assert 0 < data["band"][0] <= data["band"][1] < 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["score", "{missing}"], "missing.jsonl: No such file or directory"),
        (["score", "{good}", "--judge", "embeded"], "No judge is named 'embeded'"),
        (["score", "{good}", "--judge", "{broken}"], 'broken.yaml:1: kind: "oracle" is no kind'),
        (
            ["calibrate", "{good}", "--judge", "scripted"],
            "harmful: is required, but missing. Write true or false.",
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    arguments: list[str], message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 and no traceback."""
    broken = tmp_path / "broken.yaml"
    broken.write_text("kind: oracle", encoding="utf-8")
    names = {
        "{missing}": str(tmp_path / "missing.jsonl"),
        "{good}": _file(tmp_path, SAFE),
        "{broken}": str(broken),
    }
    assert main([names.get(argument, argument) for argument in arguments]) == 2
    assert message in capfd.readouterr().err


@pytest.mark.parametrize("flag", [["--concurrency", "0"], ["--max-error", "1"]])
def test_values_out_of_range_are_refused(
    flag: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """By the parser, with the range."""
    with pytest.raises(SystemExit):
        main(["calibrate", "in.jsonl", *flag])
    assert "is not" in capfd.readouterr().err
