from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from proxy.engine.library import LogRelay

CHILD = """
import os, sys
from proxy.engine.library import load_library
before = "llama_cpp" in sys.modules
library = load_library()
assert library is load_library()
print(before, os.environ["OMP_WAIT_POLICY"])
"""


def test_library_loads_late_and_with_threads_that_do_not_spin() -> None:
    """In a fresh process, as the variable is read once."""
    pytest.importorskip("llama_cpp")
    done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "PASSIVE"]
    assert done.stderr == ""


def test_relay_passes_warnings_and_errors_only(caplog: pytest.LogCaptureFixture) -> None:
    """Levels are ggml's; 5 continues the message before it."""
    relay = LogRelay()
    with caplog.at_level(logging.DEBUG):
        for level, text in (
            (1, b"debug\n"), (2, b"info\n"), (5, b" more info"), (3, b"careful\n"),
            (5, b" indeed\n"), (4, b"broken \xff\n"), (4, b"\n"),
        ):  # fmt: skip
            relay.take(level, text, None)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "llama.cpp: careful"),
        ("WARNING", "llama.cpp: indeed"),
        ("ERROR", "llama.cpp: broken \ufffd"),
    ]
