"""`guardtune policy` from a terminal."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from proxy.policy.command import main
from proxy.policy.reference import markdown, schema_text
from proxy.policy.source import load_policy

POLICIES = Path(__file__).parents[3] / "policies"
GOOD = "schema: 1\nname: a\nsystem_prompt: {text: Be careful.}\n"


def test_the_shipped_policies_are_good(capsys: pytest.CaptureFixture[str]) -> None:
    """And do not tie."""
    assert main(["check", str(POLICIES)]) == 0
    out, err = capsys.readouterr()
    assert "2 good policies, 0 problems." in out
    assert err == ""


def test_check_reports_every_problem_of_every_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Duplicates and ties too; the exit code says whether something is wrong."""
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD)
    (tmp_path / "c.yaml").write_text(GOOD.replace("name: a", "name: c"))
    (tmp_path / "d.yaml").write_text("schema: 1\nname: d\ndecoding: {top_p: 2}\n")
    assert main(["check", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert "b.yaml: name: `a` is also the name in" in err
    assert "d.yaml:3: decoding.top_p: 2 is above the maximum, 1.0." in err
    assert "(warning)" in err
    assert "3 good policies, 2 problems." in out


def test_check_reports_a_folder_that_it_cannot_look_into(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever is below it was not checked."""
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "team").symlink_to("nowhere")
    assert main(["check", str(tmp_path)]) == 1
    assert "team: leads nowhere" in capsys.readouterr().err


def test_check_of_a_file_whose_name_is_no_utf8_says_so_in_escapes(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Files come from everywhere, and a terminal takes UTF-8 only."""
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.yaml")).write_text(GOOD)
    assert main(["check", str(tmp_path)]) == 0
    assert "caf\\udce9.yaml: a@" in capfd.readouterr().out


def test_a_tie_alone_is_no_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is legal."""
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD.replace("name: a", "name: b"))
    assert main(["check", str(tmp_path)]) == 0
    assert "(warning)" in capsys.readouterr().err


def test_an_empty_folder_is_a_problem(tmp_path: Path) -> None:
    """Probably the wrong one."""
    assert main(["check", str(tmp_path)]) == 1


def test_show_prints_what_loads_to_the_same_policy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the identity on top and texts resolved."""
    path = tmp_path / "a.yaml"
    (tmp_path / "p.md").write_text("Be careful.\n")
    path.write_text("schema: 1\nname: a\nsystem_prompt: {file: p.md}\n")
    ref = load_policy(path, root=tmp_path).ref
    assert main(["show", str(path)]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"# {ref}\n")
    assert load_policy(path, root=tmp_path, text=out).ref == ref


def test_show_prints_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For other programs."""
    path = tmp_path / "a.yaml"
    path.write_text(GOOD)
    assert main(["show", "--json", str(path)]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["ref"] == str(load_policy(path, root=tmp_path).ref)
    assert shown["system_prompt"] == {"text": "Be careful.", "placement": "prepend"}


def test_diff_shows_fields_and_whether_the_identity_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Like diff: 0 for the same, 1 for a difference."""
    one, two, same = (tmp_path / name for name in ("one.yaml", "two.yaml", "same.yaml"))
    one.write_text("schema: 1\nname: a\ndecoding: {temperature: 1, top_p: 0.9, stop: [x]}\n")
    two.write_text("schema: 1\nname: a\ndecoding: {temperature: {max: 0.5}, top_p: 0.9}\n")
    same.write_text("# a comment\n" + one.read_text())
    assert main(["diff", str(one), str(same)]) == 0
    assert "the same policy" in capsys.readouterr().out
    assert main(["diff", str(one), str(two)]) == 1
    assert capsys.readouterr().out.splitlines()[2:] == [
        "- decoding.temperature: 1.0",
        '- decoding.stop[0]: "x"',
        "+ decoding.temperature.max: 0.5",
    ]


@pytest.mark.parametrize(("command", "code"), [("show", 1), ("diff", 2)])
def test_a_broken_policy_is_told_with_its_problems(
    command: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the error stream."""
    path = tmp_path / "a.yaml"
    path.write_text("schema: 1\n")
    assert main([command, *[str(path)] * (2 if command == "diff" else 1)]) == code
    assert "name: is required" in capsys.readouterr().err


def test_schema_prints_what_is_shipped(capsys: pytest.CaptureFixture[str]) -> None:
    """Byte for byte, so that the output can be redirected to the file."""
    assert main(["schema"]) == 0
    assert capsys.readouterr().out == schema_text()
    assert main(["schema", "--markdown"]) == 0
    assert capsys.readouterr().out == markdown()


@pytest.mark.parametrize(
    "arguments", [[], ["chekc"], ["check"], ["check", "no-such-file.yaml"], ["diff", "a"]]
)
def test_wrong_usage_is_exit_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """With a message, not a traceback."""
    assert main(arguments) == 2
    assert "guardtune policy" in capsys.readouterr().err


def test_help_is_exit_code_0(capsys: pytest.CaptureFixture[str]) -> None:
    """Asking is no mistake."""
    assert main(["--help"]) == 0
    assert "check" in capsys.readouterr().out
