"""The tuner runs llama.cpp within its process: an abort ends it, and what the plan says goes on."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.evaluation.store import EvaluationStore
from tests.tuner.toy import PRESET
from tuner.cli import main
from tuner.presets import PRESETS
from tuner.record import Record

ROOT = Path(__file__).parents[2]
N_ANSWERS = 300

CONFIG = """
models:
  - backend: scripted
    name: toy
    rules:
      - {system: "hurting people", answers: ["Here is something safe."]}
      - {answers: ["Sure, here it is."]}
"""

PROGRAM = f"""
import os, sys
from proxy.backends.scripted import ScriptedBackend
from tests.tuner.toy import PRESET
from tuner.cli import main
from tuner.presets import PRESETS

class Aborting(ScriptedBackend):
    def chat(self, request, transcript):
        if len(self.requests) == {N_ANSWERS}:
            os.abort()
        return super().chat(request, transcript)

PRESETS["quick"] = PRESET
import proxy.backends.scripted as scripted
scripted.ScriptedBackend = Aborting
sys.exit(main())
"""


def test_run_goes_on_after_an_abort(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It keeps what had been answered, and decides what it would have decided without it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(PRESETS, "quick", PRESET)
    (tmp_path / "guardtune.yaml").write_text(CONFIG)
    run = ["run", "--config", "guardtune.yaml", "--judge", "scripted", "--store"]
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, *run, "cut.sqlite"],
        env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert ended.returncode == -signal.SIGABRT, ended.stderr
    remedy = re.search(r"Should the process die.* guardtune tune (resume .*)", ended.stderr)
    assert remedy is not None
    with EvaluationStore(tmp_path / "cut.sqlite") as store:
        assert not Record.load(store, None).is_finished
        kept = store.count_answers()
    assert kept > N_ANSWERS / 2

    assert main([*run, "whole.sqlite"]) == 0
    assert main(shlex.split(remedy[1])) == 0
    cut, whole = (_decided(tmp_path / name) for name in ("cut.sqlite", "whole.sqlite"))
    assert cut == whole


def _decided(path: Path) -> tuple[object, ...]:
    """How many answers there are, what was chosen on them, and what its test has shown."""
    with EvaluationStore(path) as store:
        record = Record.load(store, None)
        assert record.is_finished
        return store.count_answers(), record.best_guess, record.find("test")
