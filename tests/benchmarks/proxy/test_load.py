"""What wrk says."""

from __future__ import annotations

import pytest

from benchmarks.proxy.load import Load, loaded
from benchmarks.proxy.processes import ContenderError

_SAID = (
    "Running 1s test\n  1 threads and 16 connections\n"
    'figures {"n": 2000, "seconds": 2.0, "p50_ms": 1.5, "p99_ms": 4.0, "failed": 0}\n'
)


def test_figures_are_read_and_cpu_time_is_shared_out() -> None:
    """In microseconds an answer."""
    assert loaded("bare", _SAID, 0.5) == Load(1000.0, 1.5, 4.0, 250.0)


@pytest.mark.parametrize(
    "said", ["", "unable to connect", _SAID.replace('"failed": 0', '"failed": 3')]
)
def test_a_run_with_failures_is_worth_nothing(said: str) -> None:
    """It would look fast."""
    with pytest.raises(ContenderError, match="bare"):
        loaded("bare", said, 0.5)
