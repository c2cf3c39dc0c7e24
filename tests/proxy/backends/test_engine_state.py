"""How an engine is, as it is told."""

from __future__ import annotations

import time

from proxy.backends.config import LlamaCppConfig
from proxy.backends.engine_state import EngineState, engine_key


def test_engines_are_told_apart_by_all_that_is_configured() -> None:
    """Two contexts of one file are two engines."""
    config = LlamaCppConfig(name="m", path="m.gguf")
    assert engine_key(config) == engine_key(LlamaCppConfig(name="m", path="m.gguf"))
    assert engine_key(config) != engine_key(config.model_copy(update={"n_ctx_tokens": 512}))


def test_retry_comes_after_the_pause_and_the_loading() -> None:
    """At least a second: what is to come now takes a moment, too."""
    now = time.monotonic()
    assert EngineState("s", is_ready=False, back_at=now + 3600, load_s=60).retry_after_s > 3600
    assert EngineState("s", is_ready=False, back_at=now - 5).retry_after_s == 1
