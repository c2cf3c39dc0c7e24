"""Programs beside us, and asking them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scripts.observability.processes import free_port, get, get_json, running, wait_until


def test_program_ends_with_the_block_and_its_words_are_kept(tmp_path: Path) -> None:
    """Also one that would go on for ever."""
    log = tmp_path / "log"
    command = [sys.executable, "-c", "import time\nprint('up', flush=True)\ntime.sleep(999)"]
    with running(command, log) as process:
        wait_until(lambda: log.read_text() == "up\n", "its word", within_s=30)
        assert process.poll() is None
    assert process.poll() is not None


def test_what_does_not_come_is_named() -> None:
    """Within which time, too."""
    with pytest.raises(TimeoutError, match="the moon: not within 0 s"):
        wait_until(lambda: False, "the moon", within_s=0)


def test_port_that_nobody_listens_on_is_status_0() -> None:
    """While a program starts, that is what one sees."""
    port = free_port()
    assert get(port, "/") == (0, b"")
    with pytest.raises(RuntimeError, match="status 0"):
        get_json(port, "/")
