from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.engine import bare_steps
from benchmarks.engine.bare_steps import LAYOUTS, Shape

pytestmark = pytest.mark.gguf


def test_every_layout_is_timed_and_the_cache_is_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two sequences of 6 tokens, over and over: a cache that grew would be out of order."""
    shape = Shape(2, 1, 6, wants_logits=True)
    monkeypatch.setattr(bare_steps, "DECODING", (shape,))
    monkeypatch.setattr(bare_steps, "PROMPTS", (Shape(1, 4, 6, wants_logits=False),))
    output = tmp_path / "steps.json"
    assert bare_steps.main(["--steps", "2", "--threads", "1", "--output", str(output)]) == 0
    steps = json.loads(output.read_text())["steps"]
    assert len(steps) == 2 * len(LAYOUTS)
    assert all(one["p10_ms"] > 0 and one["n_steps"] == 2 for one in steps)
