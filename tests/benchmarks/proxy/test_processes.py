"""Programs that listen."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from benchmarks.proxy import contenders
from benchmarks.proxy.processes import ContenderError, Program, answers, free_port, running


def test_a_program_is_waited_for_looked_at_and_ended(tmp_path: Path) -> None:
    """The mock, as it is run."""
    with running(contenders.mock(), log=tmp_path / "log") as one:
        assert answers(one.port)
        assert one.ready_s > 0
        assert one.cpu_s() > 0
        assert 0 < one.resident_mb() <= one.resident_mb(peak=True)
    assert not answers(one.port)
    with pytest.raises(ProcessLookupError):
        os.kill(one.pid, 0)


def test_a_program_that_ends_is_no_contender(tmp_path: Path) -> None:
    """Its name and its log are said."""
    program = Program("bare", (sys.executable, "-c", "raise SystemExit('no')"), {})
    with pytest.raises(ContenderError, match="bare"), running(program, log=tmp_path / "log"):
        pass
    assert "no" in (tmp_path / "log").read_text()


def test_nobody_answers_on_a_free_port() -> None:
    """That is no error."""
    assert not answers(free_port())
