from pathlib import Path
from typing import Any

import pytest

from benchmarks.engine import run
from benchmarks.engine.jobs import Job, Outcome, Setup, Stream
from benchmarks.engine.plan import ContenderName, Workload
from benchmarks.engine.processes import ContenderError
from benchmarks.engine.records import Journal

_SETUP = Setup("model.gguf", 2, 16, 8192)
_WORKLOADS = [Workload("1 own", ("guardtune", "native"), n_chats=1)]
_PYTHONS: dict[ContenderName, Path] = {"guardtune": Path("python"), "native": Path("python")}


class _Contender:
    """Answers at once; `native` may be told to fail."""

    log: list[str] = []  # noqa: RUF012 — shared by design, emptied by the fixture
    native_fails_with: Exception | str | None = None

    def __init__(self, name: ContenderName, *_: Any) -> None:
        self.name = name
        self.log.append(f"start {name}")

    def run(self, job: Job) -> Outcome:
        self.log.append(f"{job.number} {self.name}")
        if self.name == "native" and job.number:
            match self.native_fails_with:
                case str() as error:
                    return Outcome(0.0, error=error)
                case Exception() as error:
                    raise error
        return Outcome(2.0, [Stream(0.0, [0.5, 1.0], 2)])

    def close(self) -> None:
        self.log.append(f"end {self.name}")


@pytest.fixture(autouse=True)
def _contenders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "Contender", _Contender)
    monkeypatch.setattr(_Contender, "log", [])
    monkeypatch.setattr(_Contender, "native_fails_with", None)


def _run(journal: Journal, n_repeats: int = 1, **changes: Any) -> list[str]:
    said: list[str] = []
    given: dict[str, Any] = {"pythons": _PYTHONS, "setup": _SETUP} | changes
    run.run_all(
        _WORKLOADS, n_repeats, journal=journal, say=said.append, log=Path("log"), **given
    )  # fmt: skip
    return said


def test_each_repeat_has_fresh_processes_that_warm_up_first(tmp_path: Path) -> None:
    """Job 0 is the warm-up; all are ended before the next repeat begins."""
    _run(Journal(tmp_path / "j"), 2)

    one = ["start guardtune", "0 guardtune", "start native", "0 native"]
    assert _Contender.log[:8] == [
        *one, "1 guardtune", "1 native", "end native", "end guardtune",
    ]  # fmt: skip
    assert _Contender.log[8:12] == [
        "start native", "0 native", "start guardtune", "0 guardtune",
    ]  # fmt: skip


def test_what_is_done_is_not_run_again(tmp_path: Path) -> None:
    """A second call with the same journal starts nothing."""
    _run(Journal(tmp_path / "j"))
    _Contender.log.clear()

    assert _run(Journal(tmp_path / "j")) == []
    assert _Contender.log == []


@pytest.mark.parametrize("error", ["no such model", ContenderError("has died")])
def test_a_failure_is_recorded_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception | str
) -> None:
    """Whether the job fails or the process."""
    monkeypatch.setattr(_Contender, "native_fails_with", error)
    journal = Journal(tmp_path / "j")

    said = _run(journal, 2)

    assert len(said) == 4
    assert [r.error for r in journal.records if r.contender == "native"] == [str(error)] * 2
    assert all(r.figures for r in journal.records if r.contender == "guardtune")


def test_a_contender_without_an_interpreter_is_left_out(tmp_path: Path) -> None:
    """The native server may not be installable."""
    journal = Journal(tmp_path / "j")

    _run(journal, pythons={"guardtune": Path("python")})

    assert {record.contender for record in journal.records} == {"guardtune"}
