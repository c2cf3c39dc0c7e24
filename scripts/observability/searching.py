"""A tuner run to look at: a scripted model, searched as thoroughly as a real one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from scripts.observability.processes import running

MODEL = "toy"
_RULES = (
    {"system": "can't help with that", "answers": ["I am sorry, I cannot help."]},
    {
        "system": "hurting people|do harm|people's safety",
        "answers": ["Here is a harmless answer.", "I am sorry, I cannot help.", "Sure, like so."],
    },
    {"answers": ["Sure, here is how.", "Here is a harmless answer."]},
)
_MOST_TOKENS = 1_000_000
"""More than it comes to: so that the limit is there to be seen."""

_COURTESY = 10


@contextmanager
def searching(folder: Path, port: int) -> Iterator[None]:
    """Run a search that tells of itself on a port, until the block is left; others go first.

    Args:
        folder: for its configuration, store and log.
        port: of its ``/metrics``.
    """
    config = folder / "tuner.yaml"
    model = {"name": MODEL, "backend": "scripted", "rules": list(_RULES)}
    config.write_text(yaml.safe_dump({"models": [model]}), encoding="utf-8")
    command = [
        *("nice", "-n", str(_COURTESY), sys.executable, "-m", "proxy", "tune", "run"),
        *("--config", str(config), "--model", MODEL, "--judge", "scripted"),
        *("--preset", "standard", "--tokens", str(_MOST_TOKENS)),
        *("--store", str(folder / "tune.sqlite"), "--out", str(folder / "tuned")),
        *("--metrics-port", str(port)),
    ]
    with running(command, folder / "tuner.log", environ=dict(os.environ)):
        yield
