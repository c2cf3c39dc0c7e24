import io

import pytest

from benchmarks.engine.contenders.serving import LateGate, peak_memory_bytes, serve
from benchmarks.engine.jobs import Job, Outcome, outcome_from, to_line


def test_serve_goes_on_after_a_job_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The failure is told, and the next job runs."""
    monkeypatch.setattr("sys.stdin", io.StringIO(to_line(Job(number=1)) + to_line(Job(number=2))))
    monkeypatch.setattr("benchmarks.engine.contenders.serving._reset_peak", lambda: None)
    out = io.StringIO()

    def run(job: Job) -> Outcome:
        if job.number == 1:
            raise ValueError("broken")
        return Outcome(2.0)

    serve(run, out)
    ready, failed, done = map(outcome_from, out.getvalue().splitlines())

    assert ready.error is None
    assert failed.error == "ValueError: broken"
    assert done.wall_s == 2.0


def test_peak_memory_is_the_high_water_mark() -> None:
    """In bytes, though the kernel says kB."""
    assert peak_memory_bytes(lambda: "Name: x\nVmHWM:\t  2048 kB\nVmRSS: 1 kB\n") == 2 * 2**20


def test_peak_memory_is_zero_where_nobody_says() -> None:
    """Off Linux, for one."""

    def fail() -> str:
        raise OSError

    assert peak_memory_bytes(fail) == 0


def test_the_late_gate_opens_when_the_last_stream_is_due() -> None:
    """Not when one stream has enough for two."""
    gate = LateGate(2, 3)
    for n_times in (1, 2, 3, 4):
        gate.saw(n_times)
    assert not gate.opened.is_set()

    gate.saw(3)

    assert gate.opened.is_set()
