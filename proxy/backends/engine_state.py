"""How an engine in a child process is, told to the processes that share it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from proxy.backends.config import LlamaCppConfig

EngineKey = str
"""A `LlamaCppConfig` as JSON: what one engine is told apart by."""


def engine_key(config: LlamaCppConfig) -> EngineKey:
    """Return the key of the engine that serves this configuration."""
    return config.model_dump_json()


@dataclass(frozen=True, slots=True)
class EngineState:
    """Where an engine is, and whether it is there.

    Args:
        socket_path: stays the same from one process of the engine to the next.
        is_ready: whether it answers.
        back_at: when the next process is begun, in seconds of the machine's monotonic clock.
        load_s: how long the last one took to load.
        restarts: how often a process that died was replaced; what it had computed went with it.
    """

    socket_path: str
    is_ready: bool
    back_at: float = 0.0
    load_s: float = 0.0
    restarts: int = 0

    @property
    def retry_after_s(self) -> int:
        """When a client that found no engine should try again."""
        return max(1, math.ceil(max(0.0, self.back_at - time.monotonic()) + self.load_s))
