"""Loads llama.cpp once, with what has to be set before, and sends its log to Python's."""

from __future__ import annotations

import ctypes
import logging
import os
from functools import cache
from typing import Any

_log = logging.getLogger(__name__)

_WARN, _ERROR, _CONTINUED = 3, 4, 5
"""ggml_log_level, from ggml.h; llama-cpp-python's own table of them is off by one."""


@cache
def load_library() -> Any:
    """The module ``llama_cpp``, ready for use.

    OpenMP's threads spin between two operations by default. With one other busy process on two
    cores that costs half of the throughput and, at times, all of it; the variable is read once,
    when the library is loaded.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import llama_cpp

    llama_cpp.llama_log_set(_callback(llama_cpp), ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    return llama_cpp


@cache
def _callback(llama_cpp: Any) -> Any:
    """The C callback; the cache is the reference that keeps it alive."""
    return llama_cpp.llama_log_callback(LogRelay().take)


class LogRelay:
    """Passes warnings and errors on; everything else llama.cpp says is about sizes and kernels."""

    def __init__(self) -> None:
        self._level = 0

    def take(self, level: int, text: bytes, _user_data: object) -> None:
        """One piece of a message; level 5 continues the one before."""
        self._level = self._level if level == _CONTINUED else level
        line = text.decode(errors="replace").strip()
        if not line:
            return
        if self._level == _ERROR:
            _log.error("llama.cpp: %s", line)
        elif self._level == _WARN:
            _log.warning("llama.cpp: %s", line)
