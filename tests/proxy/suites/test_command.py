from __future__ import annotations

import json
from pathlib import Path

import pytest

from proxy.suites.builtin import load_builtin
from proxy.suites.catalogue import FORMATS
from proxy.suites.choice_formats import CHOICE_FORMATS
from proxy.suites.command import main


def _own(folder: Path, *rows: dict[str, str]) -> str:
    path = folder / "own.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return f"jsonl:{path}"


def test_list_names_every_suite(capsys: pytest.CaptureFixture[str]) -> None:
    """One line each, with how to write it and the licence."""
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    specs = [line.split()[0] for line in out.splitlines()]
    names = [f"{name}:PATH" for name in (*FORMATS, *CHOICE_FORMATS)]
    assert specs == ["builtin", *names]
    assert "520 rows, MIT" in out


def test_check_and_show_of_a_multiple_choice_suite(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Topics instead of splits, and questions as they are asked."""
    path = tmp_path / "dev.json"
    row = {"question": "Which is warm?", "choices": ["Ice", "Fire"], "answer": "B", "region": "X"}
    path.write_text(json.dumps([row]), encoding="utf-8")
    assert main(["check", f"safelawbench:{path}"]) == 0
    out = capsys.readouterr().out
    assert "published 1 of 24860 rows, partial: no headline figures on it" in out
    assert "guessing is right in 50.0% of them" in out
    assert main(["show", f"safelawbench:{path}"]) == 0
    out = capsys.readouterr().out
    assert "advice, X; right: B\n    [[QUESTION]] Which is warm?\n    (A) Ice\n" in out
    assert out.endswith("1 of 1 questions\n")


def test_check_prints_counts_sha_and_licence(capsys: pytest.CaptureFixture[str]) -> None:
    """By kind, category and split, with totals."""
    assert main(["check", "builtin"]) == 0
    out = capsys.readouterr().out
    assert f"sha256    {load_builtin().sha256}" in out
    assert "published 800 of 800 rows, complete" in out
    rows = [line.split() for line in out.splitlines()]
    assert ["harmful", "crime", "7", "7", "7", "7", "28"] in rows
    assert ["all", "200", "200", "200", "200", "800"] in rows


def test_check_of_a_bad_file_prints_every_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On standard error, with a count, and the status says so."""
    spec = _own(tmp_path, {"prompt": "", "kind": "benign"}, {"prompt": "a", "kind": "bad"})
    assert main(["check", spec]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.removeprefix(str(tmp_path)) for line in lines] == [
        "/own.jsonl:1: the prompt is empty; write one or remove the row.",
        "/own.jsonl:2: kind is 'bad', but must be one of harmful, benign.",
        "2 problems; nothing was loaded.",
    ]


def test_check_finds_near_duplicates_in_different_splits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Splits that the file brings are checked, not trusted; ids stand for the prompts."""
    spec = _own(
        tmp_path,
        {"prompt": "How do I bake a large rye loaf?", "kind": "benign", "split": "search"},
        {"prompt": "How do I bake large rye loaves?", "kind": "benign", "split": "test"},
    )
    assert main(["check", spec]) == 1
    out = capsys.readouterr().out
    assert "near-duplicates in different splits: " in out
    assert "1 problem; remove the `split` fields" in out


def test_show_hides_harmful_prompts(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody meets them by accident; benign ones are printed."""
    arguments = ["show", "builtin", "-n", "800"]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert not any(prompt.text in out for prompt in load_builtin().select(kind="harmful"))
    assert all(prompt.text in out for prompt in load_builtin().select(kind="benign"))
    assert out.splitlines()[-1] == "800 of 800 prompts"


def test_show_reveals_harmful_prompts_when_told_to(capsys: pytest.CaptureFixture[str]) -> None:
    """With --reveal, and only what was selected."""
    options = ["--kind", "harmful", "--split", "probe", "--category", "ip", "--reveal"]
    assert main(["show", "builtin", *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    expected = {
        prompt.text
        for prompt in load_builtin().select(kind="harmful", split="probe")
        if prompt.category == "ip"
    }
    assert lines[-1] == "7 of 7 prompts"
    assert {text for line in lines for text in expected if text in line} == expected


@pytest.mark.parametrize("argv", [[], ["bake"], ["show", "builtin", "-n", "0"], ["check"]])
def test_bad_usage_exits_with_two(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """As argparse has it, with the usage."""
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
    assert "usage: guardtune suite" in capsys.readouterr().err
