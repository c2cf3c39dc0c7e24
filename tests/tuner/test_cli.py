"""`guardtune tune`, as users type it."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from proxy.evaluation.store import EvaluationStore
from proxy.policy.source import load_policy
from tests.tuner.toy import PRESET
from tuner.cli import main
from tuner.presets import PRESETS
from tuner.record import Record

ROOT = Path(__file__).parents[2]

CAREFUL_ONCE_TOLD = """
models:
  - backend: scripted
    name: toy
    rules:
      - {system: "hurting people", answers: ["Here is something safe."]}
      - {answers: ["Sure, here it is."]}
"""

STUBBORN = """
models:
  - backend: scripted
    name: toy
    rules:
      - {answers: ["Sure, here it is."]}
"""

WITH_WRITER = """
models:
  - backend: scripted
    name: toy
    rules:
      - {system: "every guest|each neighbour", answers: ["Here is something safe."]}
      - {answers: ["Sure, here it is."]}
  - backend: scripted
    name: pen
    rules:
      - answers:
          - "<prompt>Treat every guest with patience, and never help to hurt anyone.</prompt>"
          - "<prompt>Hear each neighbour out, and turn down whatever would do harm.</prompt>"
          - "I have no idea."
"""

HANGS_ONCE_TOLD = """
models:
  - backend: scripted
    name: toy
    rules:
      - {system: ".", hang: true}
      - {answers: ["Sure, here it is."]}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, and a quick preset that is quick."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(PRESETS, "quick", PRESET)
    (tmp_path / "guardtune.yaml").write_text(CAREFUL_ONCE_TOLD)
    return tmp_path


def tune(*arguments: str) -> int:
    """`guardtune tune …` with the scripted model and judge where they are needed."""
    fakes = ["--config", "guardtune.yaml", "--judge", "scripted"]
    return main([*arguments, *(fakes if arguments[0] == "run" else [])])


def test_a_run_prints_its_result_and_exports_the_policy(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From nothing to a policy file in one command."""
    assert tune("run") == 0
    shown = capsys.readouterr()
    assert "Test split, used once (judge scripted-1" in shown.out
    assert "Wrote policies/tuned/tuned-toy.yaml (tuned-toy@" in shown.out
    assert "Plan: at most 26 candidates" in shown.err
    assert "are not searched, nor are seeds that have them: toy does not show" in shown.err
    folder = here / "policies" / "tuned"
    policy = load_policy(folder / "tuned-toy.yaml", root=folder)
    assert policy.system_prompt is not None
    assert "hurting people" in policy.system_prompt.text
    assert policy.provenance is not None
    assert policy.provenance.objectives["test"]["harmful"].value == 0.0
    with EvaluationStore(here / "var" / "tune.sqlite") as store:
        assert Record.load(store, None).config.is_own_space is False


def test_a_run_with_a_writer_exports_what_was_written(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the written text helps here; the policy file says whose it is."""
    (here / "guardtune.yaml").write_text(WITH_WRITER)
    assert tune("run", "--model", "toy", "--writer", "pen", "--writer-calls", "12") == 0
    shown = capsys.readouterr()
    assert "Writer pen: up to 12 texts between generations" in shown.err
    assert "Writer pen: asked for " in shown.out
    folder = here / "policies" / "tuned"
    policy = load_policy(folder / "tuned-toy.yaml", root=folder)
    assert policy.provenance is not None
    assert policy.provenance.written is not None
    assert policy.provenance.written.by.startswith("pen@")
    assert policy.system_prompt is not None
    assert policy.system_prompt.text.endswith(policy.provenance.written.text)
    assert tune("report", "--json", "--second-judge", "none") == 0
    found = json.loads(capsys.readouterr().out)["writer"]
    assert found["calls"] - found["accepted"] == sum(found["rejected"].values()) > 0
    assert set(found["rejected"]) <= {"said before", "no text between the marks"}
    assert tune("ablate") == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--writer", "nobody"], "no model 'nobody'. Give one of toy, pen;"),
        (["--writer", "http://127.0.0.1:1/v1"], "--writer: 'http://127.0.0.1:1/v1' names no model"),
        (["--writer-calls", "5"], "--writer-calls: 5 without a --writer. Name one, or leave"),
        (["--writer", "pen", "--algorithm", "decoding-only"],
         "--writer: pen has nothing to write for, as --algorithm decoding-only"),
    ],
)  # fmt: skip
def test_a_writer_that_cannot_be_used_is_reported_before_anything_is_paid_for(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    """By the option, its value and what to do."""
    (here / "guardtune.yaml").write_text(WITH_WRITER)
    assert tune("run", "--model", "toy", *arguments) == 2
    assert said in capsys.readouterr().err
    assert not (here / "var").exists()


def test_a_run_that_has_not_held_up_leaves_a_shadow_beside_what_is_there(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And says how to put it in force."""
    (here / "guardtune.yaml").write_text(STUBBORN)
    folder = here / "policies" / "tuned"
    folder.mkdir(parents=True)
    (folder / "tuned-toy.yaml").write_text("schema: 1\nname: tuned-toy\n")
    assert tune("run") == 0
    shown = capsys.readouterr().out
    assert "Nothing to give to users: " in shown
    assert "gives it to nobody, until `guardtune policy promote tuned-toy-shadow`" in shown
    shadow = load_policy(folder / "tuned-toy-shadow.yaml", root=folder)
    assert shadow.rollout is not None
    assert shadow.rollout.share == 0.0
    assert (folder / "tuned-toy.yaml").read_text() == "schema: 1\nname: tuned-toy\n"


def test_report_and_export_read_the_store(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After the run, and under another name."""
    tune("run", "--name", "first", "--seed", "3")
    capsys.readouterr()
    assert tune("report") == 0
    assert "Test split" in capsys.readouterr().out
    assert tune("report", "--json") == 0
    assert json.loads(capsys.readouterr().out)["name"] == "first"
    assert tune("export", "--name", "second", "--out", "elsewhere") == 0
    assert (here / "elsewhere" / "second.yaml").is_file()


def test_ablate_makes_the_report_s_path_whole(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And says what each step does."""
    tune("run", "--algorithm", "nsga2")
    capsys.readouterr()
    assert tune("ablate") == 0
    shown = capsys.readouterr()
    assert "The path is whole." in shown.out
    assert "harmful 0/30 = 0.0 % [" in shown.out


def test_a_finished_run_cannot_be_resumed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says so, with exit code 2."""
    tune("run")
    capsys.readouterr()
    assert tune("resume") == 2
    said = capsys.readouterr().err
    assert "no unfinished run" in said
    assert "`guardtune tune export` writes a finished run's policy" in said


def test_the_policy_is_written_before_the_result_is_printed(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second judge takes a while, and somebody may end it there."""

    def killed(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("tuner.cli.report_command.ended", killed)
    with pytest.raises(KeyboardInterrupt):
        tune("run")
    assert list((here / "policies" / "tuned").glob("*.yaml"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--suite", "bultin"], "Did you mean `builtin`?"),
        (["--name", "No Name"], "cannot name a policy"),
        (["--name", "passthrough"], "cannot name a policy"),
        (["--name", "mine-shadow"], "is what a shadow would be called"),
        (["--name", "mine-canary"], "is what a canary would be called"),
        (["--model", "other"], "no model 'other'"),
        (["--space", "nowhere.yaml"], "nowhere.yaml"),
        (["--base", "nowhere.yaml"], "nowhere.yaml"),
        (
            ["--base", "highest.yaml"],
            "--base: no policy could be exported: match.priority 1000003: Input should be less",
        ),
        (
            ["--tokens", "671"],
            "--tokens: 671 are too few: the base policy and one candidate may take 672",
        ),
    ],
)
def test_mistakes_are_reported_before_anything_is_paid_for(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    """And no store is made."""
    highest = "schema: 1\nname: highest\nmatch: {priority: 999991}\n"
    (here / "highest.yaml").write_text(highest)
    assert tune("run", *arguments) == 2
    assert said in capsys.readouterr().err
    assert not (here / "var").exists()


def test_a_cluster_needs_its_package(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that installs it."""
    monkeypatch.setattr("tuner.cli.find_spec", lambda _name: None)
    assert tune("run", "--ray") == 2
    assert 'pip install "guardtune[ray]"' in capsys.readouterr().err
    assert not (here / "var").exists()


@pytest.mark.parametrize("action", ["run", "resume"])
def test_a_second_run_on_the_same_store_is_refused_and_loses_nothing(
    here: Path, capsys: pytest.CaptureFixture[str], action: str
) -> None:
    """Two would take each other's answers; reports may be read meanwhile."""
    assert tune("run") == 0
    before = (here / "var" / "tune.sqlite").read_bytes()
    with EvaluationStore(here / "var" / "tune.sqlite"):
        capsys.readouterr()
        assert tune(action) == 2
        assert "in use by process" in capsys.readouterr().err
        assert tune("report") == 0
    assert (here / "var" / "tune.sqlite").read_bytes() == before


def test_an_unknown_judge_is_reported(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the names there are, and before a store is made."""
    assert main(["run", "--config", "guardtune.yaml", "--judge", "nobody"]) == 2
    assert "nobody" in capsys.readouterr().err
    assert not (here / "var").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminate"])
def test_a_signal_keeps_what_was_answered_and_says_how_to_go_on(
    tmp_path: Path, number: signal.Signals
) -> None:
    """Stopped in the middle of the first generation."""
    (tmp_path / "guardtune.yaml").write_text(HANGS_ONCE_TOLD)
    store = tmp_path / "tune.sqlite"
    command = [
        sys.executable, "-c", "import sys; from tuner.cli import main; sys.exit(main())",
        "run", "--config", "guardtune.yaml", "--judge", "scripted", "--store", str(store),
    ]  # fmt: skip
    with subprocess.Popen(
        command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as run:  # fmt: skip
        assert run.stderr is not None
        for line in run.stderr:
            if line.startswith("generation 0"):
                break
        run.send_signal(number)
        said = run.stderr.read()
        assert run.wait() == 130
    assert "answers are kept" in said
    assert f"guardtune tune resume --store {store} --run " in said
    with EvaluationStore(store) as opened:
        assert opened.count_answers() >= PRESETS["quick"].second[0].prompts
        assert not Record.load(opened, None).is_finished


def test_the_run_s_own_limits_are_in_its_plan_its_result_and_its_policy(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And a later resume or report needs no option."""
    assert tune("run", "--limit", "over-refusal=90%", "--limit", "echo=0.1") == 0
    assert "over-refusal-gain=0.05, relevance-loss=0.05" in capsys.readouterr().err
    assert tune("report", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["limits"]["over_refusal"] == 0.9
    assert result["limits"]["echo"] == 0.1
    assert (result["constraints"], result["multipliers"]) == ("feasibility", [])
    names = [limit["name"] for limit in result["test"]["compared"]["limits"]]
    assert {"echo", "over-refusal", "length of benign answers, least"} <= set(names)
    policy = load_policy(here / "policies/tuned/tuned-toy.yaml", root=here)
    assert policy.provenance is not None
    assert "over-refusal=0.9" in str(policy.provenance.search["limits"])


def test_limits_that_do_not_exist_start_nothing(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message has the names there are."""
    assert tune("run", "--limit", "overrefusal=1", "--limit", "echo=7") == 2
    said = capsys.readouterr().err
    assert "There are: over-refusal-gain, relevance-loss, degenerate" in said
    assert "--limit echo=7: echo takes a share from 0 to 1" in said
    assert not (here / "var").exists()


def test_a_budget_is_told_of_in_the_result(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With its multipliers after each generation."""
    assert tune("run", "--constraints", "lagrangian") == 0
    capsys.readouterr()
    tune("report", "--json")
    result = json.loads(capsys.readouterr().out)
    assert result["constraints"] == "lagrangian"
    assert len(result["multipliers"]) == PRESET.generations + 1
    assert "degenerate" in result["multipliers"][0]


def test_relevance_by_words_alone_starts_nothing_unless_it_is_allowed(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Then every form of the result says so."""
    run = ["run", "--config", "guardtune.yaml", "--judge", "embedded-ngrams"]
    assert main(run) == 2
    assert "--allow-lexical" in capsys.readouterr().err
    assert not (here / "var").exists()
    assert main([*run, "--allow-lexical", "--limit", "unscored=1"]) == 0
    assert "Relevance was judged by shared words alone" in capsys.readouterr().out
    main(["report", "--json", "--second-judge", "none"])
    assert json.loads(capsys.readouterr().out)["is_relevance_lexical"]
    main(["report", "--html", "page.html", "--second-judge", "none"])
    page = (here / "page.html").read_text()
    assert "Relevance was judged by shared words alone" in page
    assert "--limit unscored=1 --allow-lexical" in page


def test_a_stop_file_that_was_left_behind_is_not_heeded_unseen(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would end the new search at once."""
    (here / "var").mkdir()
    left = here / "var" / "tune.sqlite.stop"
    left.touch()
    assert tune("run") == 2
    assert "var/tune.sqlite.stop: is there already" in capsys.readouterr().err
    left.unlink()
    assert tune("run") == 0


def test_a_store_of_before_limits_were_set_is_still_read(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As text, as JSON and as a page, and its policy is exported."""
    tune("run")
    store = here / "var" / "tune.sqlite"
    newer = ("schema", "limits", "constraints", "allow_lexical")
    with sqlite3.connect(store) as db:
        (config,) = db.execute("SELECT config FROM runs").fetchone()
        old = {name: value for name, value in json.loads(config).items() if name not in newer}
        db.execute("UPDATE runs SET config = ?", (json.dumps(old),))
        for number, body in db.execute(
            "SELECT number, body FROM decisions WHERE kind IN ('validation', 'test')"
        ).fetchall():
            db.execute(
                "UPDATE decisions SET body = ? WHERE number = ?",
                (json.dumps(_of_before(json.loads(body))), number),
            )
    db.close()
    capsys.readouterr()
    assert tune("report") == 0
    assert "limit on degenerate: +0.0 points" in capsys.readouterr().out
    assert tune("report", "--json") == 0
    assert json.loads(capsys.readouterr().out)["limits"]["echo"] is None
    assert tune("report", "--html", "page.html") == 0
    assert tune("export") == 0


def _of_before(body: dict[str, Any]) -> dict[str, Any]:
    """A decision without the limits that are newer."""
    compared = [body["compared"]] if "compared" in body else []
    compared += [one["compared"] for one in body.get("finalists", {}).values()]
    for one in compared:
        one["limits"] = one["limits"][:3]
    return body


@pytest.mark.usefixtures("here")
def test_what_a_server_ignores_is_said_and_not_searched(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Before it is asked for anything; nobody answers at this address."""
    assert tune("run", "--model", "http://127.0.0.1:9/v1#there") == 2
    err = capsys.readouterr().err
    assert "since there would ignore it: min_p, top_k, repeat_penalty, repeat_last_n." in err
    assert "Biases on" in err


@pytest.mark.usefixtures("here")
def test_who_helps_a_resumed_run_is_looked_up_in_the_configuration(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As with a new one; else the embedded model alone is known."""
    assert main(["resume", "--also", "toy"]) == 2
    assert "--also: there is no model 'toy'" in capsys.readouterr().err
    assert main(["resume", "--config", "guardtune.yaml", "--also", "toy"]) == 2
    assert "there is no unfinished run" in capsys.readouterr().err
