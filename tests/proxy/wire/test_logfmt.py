"""Log lines hold one event each."""

from __future__ import annotations

import pytest

from proxy.wire.logfmt import logfmt


def test_plain_values_stand_bare() -> None:
    """Easy to read and to grep."""
    line = logfmt("request", id="req-1", ms=1.234, ok=True, n=3, gone=None)
    assert line == "event=request id=req-1 ms=1.2 ok=true n=3"


@pytest.mark.parametrize("value", ["a\nevent=forged", "a b", 'say "x"', "a=b", "", "\x1b[31m"])
def test_odd_values_cannot_forge_a_line_or_a_pair(value: str) -> None:
    """A path may hold any percent-encoded byte."""
    line = logfmt("request", path=value)
    assert "\n" not in line
    assert "\x1b" not in line
    assert line.startswith('event=request path="')
    assert line.endswith('"')


def test_long_values_are_cut() -> None:
    """One request cannot fill the disk with its path."""
    assert len(logfmt("request", path="x " * 10_000)) < 400
