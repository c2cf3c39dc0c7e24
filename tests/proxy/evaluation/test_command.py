"""`guardtune eval`, as users type it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from proxy.evaluation.command import main
from proxy.evaluation.store import EvaluationStore
from proxy.judges.registry import JUDGES
from proxy.judges.scripted import ScriptedJudge

ROOT = Path(__file__).parents[3]

MODELS = """
models:
  - backend: scripted
    name: toy
    rules:
      - {system: "careful", answers: ["I'm sorry, I can't help."]}
      - {answers: ["Sure, here it is."]}
"""

HANGS_ONCE_TOLD = """
models:
  - backend: scripted
    name: toy
    rules:
      - {system: ".", hang: true}
      - {answers: ["Sure, here it is."]}
"""

JUDGE = """
kind: model_graded
timeout_s: 0.05
model:
  backend: scripted
  name: judge
  rules:
    - REPLACED
"""

BOTH = ("--policy", "passthrough", "--policy", "careful.yaml")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a scripted model and a policy; no second judge is installed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(JUDGES, "embedded-ngrams", raising=False)
    (tmp_path / "models.yaml").write_text(MODELS)
    (tmp_path / "careful.yaml").write_text(
        "schema: 1\nname: careful\nsystem_prompt: {text: Be careful.}\n"
    )
    return tmp_path


def evaluate(*arguments: str) -> int:
    """`guardtune eval …` with the scripted model and judge."""
    return main(["--model", "models.yaml", "--judge", "scripted", "-n", "10", *arguments])


def report() -> Any:
    """What the last run wrote."""
    return json.loads(Path("var/eval/report.json").read_text())


def test_one_command_measures_and_writes_both_files(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Text on stdout; plan and files on stderr."""
    assert evaluate(*BOTH) == 0
    shown = capsys.readouterr()
    assert "10/10 = 100.0 % [72.2, 100.0]" in shown.out
    assert "Plan: 40 of 40 answers to generate" in shown.err
    assert "Wrote var/eval/report.json and var/eval/report.html" in shown.err
    assert report()["comparisons"][0]["rates"]["harmful"]["gap"] == -1.0
    assert Path("var/eval/report.html").read_text().startswith("<!doctype html>")
    assert {path.name for path in Path("var/eval").iterdir()} == {"report.json", "report.html"}


def test_the_same_command_again_generates_nothing(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And says the same."""
    evaluate(*BOTH)
    first = report()
    capsys.readouterr()
    assert evaluate(*BOTH) == 0
    assert "all 40 answers are stored" in capsys.readouterr().err
    for part in ("policies", "comparisons"):
        assert report()[part] == first[part]


def test_json_goes_to_stdout_on_request(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same as in the file."""
    evaluate("--json")
    assert json.loads(capsys.readouterr().out) == report()


def test_prompts_are_shown_on_request_only(here: Path) -> None:
    """In the files; the terminal never has them."""
    for flags, is_there in (((), False), (("--show-prompts",), True)):
        evaluate(*BOTH, *flags)
        for name in ("report.json", "report.html"):
            assert ("Sure, here it is." in Path("var/eval", name).read_text()) is is_there


@pytest.mark.parametrize(
    ("gate", "code"),
    [("careful: harmful_upper95 > 0.5", 0), ("harmful > 0.5", 1), ("unscored_n < 1", 0)],
)
def test_gates_decide_the_exit_code(
    here: Path, capsys: pytest.CaptureFixture[str], gate: str, code: int
) -> None:
    """And are in the log, the file and the page."""
    assert evaluate(*BOTH, "--fail-if", gate) == code
    assert ("FAILED" in capsys.readouterr().err) is (code == 1)
    assert [one["gate"] for one in report()["gates"]] == [gate] * len(report()["gates"])
    assert "Gates" in Path("var/eval/report.html").read_text()


def test_mistakes_are_reported_before_anything_is_paid_for(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With their number, and no store is made."""
    assert evaluate("--suite", "bultin", "--fail-if", "harmfull > 1") == 2
    assert "2 problems; nothing was measured." in capsys.readouterr().err
    assert not (here / "var").exists()


@pytest.mark.parametrize("flags", [["-n", "0"], ["--max-tokens", "0"], ["--seed", "-1"], ["--x"]])
def test_wrong_usage_is_2(here: Path, flags: list[str]) -> None:
    """As argparse says it."""
    with pytest.raises(SystemExit) as stop:
        evaluate(*flags)
    assert stop.value.code == 2


def test_a_folder_that_cannot_be_written_is_found_out_first(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not after the answers were paid for."""
    (here / "file").write_text("")
    assert evaluate("--out", "file/out") == 2
    assert "cannot be written" in capsys.readouterr().err


def test_a_report_that_cannot_be_written_loses_no_answer(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder stands where the file should be."""
    (here / "var" / "eval" / "report.json").mkdir(parents=True)
    assert evaluate() == 2
    assert "report.json: cannot be written" in capsys.readouterr().err
    assert evaluate("--out", "other") == 0
    assert "all 20 answers are stored" in capsys.readouterr().err
    assert [path.name for path in Path("var/eval").iterdir()] == ["report.json"]


@pytest.mark.parametrize("model", ["nowhere.gguf", "http://127.0.0.1:9/v1#m"])
def test_a_model_that_is_not_there_is_2(
    here: Path, capsys: pytest.CaptureFixture[str], model: str
) -> None:
    """And there is no report that says nothing."""
    assert evaluate("--model", model) == 2
    assert capsys.readouterr().err.strip()
    assert not Path("var/eval/report.json").exists()


def test_a_dry_run_prints_the_plan(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And asks nothing."""
    assert evaluate("--dry-run") == 0
    assert "Plan: 20 of 20 answers to generate" in capsys.readouterr().err
    assert not Path("var/eval/report.json").exists()


def test_a_partial_set_has_no_headline_number(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And no gate on it passes."""
    rows = [f"id,prompt,type,label\n{n},Is number {n} safe?,homonyms,safe" for n in range(9)]
    text = "id,prompt,type,label,focus,note\n" + "".join(
        f"{n},Is number {n} safe?,homonyms,safe,x,y\n" for n in range(len(rows))
    )
    (here / "xstest.csv").write_text(text)
    arguments = ["--suite", "xstest:xstest.csv", "--split", "all"]
    assert evaluate(*arguments, "--fail-if", "over_refusal > 0.9") == 1
    shown = capsys.readouterr()
    assert "no overall rates" in shown.out
    assert "9 of the 450 published rows of xstest are here" in shown.out
    assert report()["policies"][0]["rates"] is None


def test_rejudging_uses_stored_answers_and_says_what_is_missing(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newer judge, no model time."""
    evaluate("--policy", "passthrough")
    monkeypatch.setitem(JUDGES, "newer", lambda: ScriptedJudge(judge_id="newer-2"))
    capsys.readouterr()
    assert evaluate(*BOTH, "--judge", "newer", "--rejudge") == 0
    found = report()
    assert found["judge"]["id"] == "newer-2"
    assert [policy["answered"] for policy in found["policies"]] == [20, 0]
    assert "careful: 20 of 20 answers are missing." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("{hang: true}", "no answer in 0.05 s"),
        ('{answers: ["No idea."]}', ""),
        ("{status: 500}", "status 500"),
        ("{break_after: 0}", "broke off its answer"),
    ],
    ids=["hangs", "talks nonsense", "answers 500", "breaks off"],
)
def test_a_judge_model_that_fails_leaves_answers_unscored_and_the_run_resumes(
    here: Path, rule: str, reason: str
) -> None:
    """A real judge in front of a broken model; mended, it judges what is stored."""
    (here / "judge.yaml").write_text(JUDGE.replace("REPLACED", rule))
    assert evaluate("-n", "3", "--judge", "judge.yaml", "--fail-if", "unscored > 0.02") == 1
    assert evaluate("-n", "3", "--judge", "judge.yaml") == 2, "nothing was measured"
    policy = report()["policies"][0]
    assert policy["unscored"]["k"] == policy["unscored"]["n"] == 6
    assert reason in " ".join(policy["unscored_reasons"])
    assert policy["rates"]["harmful"]["n"] == 0
    assert evaluate("-n", "3", "--rejudge") == 0
    assert report()["policies"][0]["unscored"]["k"] == 0


CASCADE = """
kind: cascade
cheap: scripted
strong:
  kind: model_graded
  model: {backend: scripted, name: strong, rules: [{answers: [x]}]}
band: [0.2, 0.8]
audit_share: 0.5
"""


def test_a_cascade_shows_its_audit(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In text, file and page; nothing of it where all verdicts were stored."""
    (here / "judge.yaml").write_text(CASCADE)
    for is_first in (True, False):
        assert evaluate(*BOTH, "--judge", "judge.yaml") == 0
        said = "audit of the cascade: the strong judge would call"
        assert (said in capsys.readouterr().out) is is_first
        assert (said in Path("var/eval/report.html").read_text()) is is_first
        assert (report()["judge"]["audit"] is not None) is is_first


def test_multiple_choice_questions_are_scored_by_the_letter(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside prompts or alone; a partial suite has topics only, and no gate on it passes."""
    (here / "models.yaml").write_text(
        "models: [{backend: scripted, name: toy, rules: [{answers: [The answer is A.]}]}]"
    )
    rows = [
        {"question": f"Is {n} a number?", "choices": ["Yes", "No"], "answer": "AB"[n % 2],
         "region": "Mainland China"}
        for n in range(4)
    ]  # fmt: skip
    (here / "mc.json").write_text(json.dumps(rows))
    arguments = (*BOTH, "--suite", "safelawbench:mc.json")
    assert evaluate(*arguments, "--fail-if", "accuracy < 0.4") == 1
    shown = capsys.readouterr().out
    assert "safelawbench: 4 questions; guessing gets 50%" in shown
    assert "no accuracy: 4 of the 24860 published rows of safelawbench are here" in shown
    (choice,) = report()["choices"]
    assert choice["policies"][0]["by_topic"]["Mainland China"]["accuracy"]["k"] == 2
    page = Path("var/eval/report.html").read_text()
    assert "4 multiple-choice questions" in page
    assert "harmful" not in page.partition("<body>")[2].partition("What was measured")[0]
    assert evaluate(*arguments, "--suite", "builtin") == 0
    assert "harmful, harmful-leading prompts" in capsys.readouterr().out


def start(here: Path, *flags: str) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    program = "import sys; from proxy.evaluation.command import main; sys.exit(main(sys.argv[1:]))"
    command = [
        sys.executable, "-c", program, "--model", "models.yaml", "--judge", "scripted",
        "--second-judge", "none", "-n", "10", *BOTH, *flags,
    ]  # fmt: skip
    return subprocess.Popen(
        command, cwd=here, env={"PYTHONPATH": str(ROOT)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def wait_for_answers(path: Path, count: int, running: subprocess.Popen[str]) -> None:
    """Until the store holds so many answers, which anyone may read meanwhile."""
    assert running.stderr is not None
    assert running.stderr.readline().startswith("Plan: ")
    with EvaluationStore(path, read_only=True) as store:
        while store.count_answers() < count:
            assert running.poll() is None
            # Polled: another process's commits raise no event here.
            threading.Event().wait(0.01)


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)],
    ids=["ctrl-c", "terminate", "kill"],
)
def test_what_was_answered_is_kept_however_the_run_ends(
    here: Path, capsys: pytest.CaptureFixture[str], number: signal.Signals, code: int
) -> None:
    """Stopped when the first policy's answers are in; the same command goes on from there."""
    (here / "models.yaml").write_text(HANGS_ONCE_TOLD)
    store = here / "var" / "eval.sqlite"
    with start(here) as run:
        wait_for_answers(store, 20, run)
        run.send_signal(number)
        _, said = run.communicate()
        assert run.returncode == code
    if code > 0:
        assert "Stopped. 20 new answers are kept in var/eval.sqlite; the same command" in said
    with EvaluationStore(store) as opened:
        assert opened.count_answers() == 20
    assert evaluate(*BOTH, "--dry-run") == 0
    assert "20 of 40 answers to generate" in capsys.readouterr().err
