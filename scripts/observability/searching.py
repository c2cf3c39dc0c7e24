"""A tuner run to look at: a scripted model, searched as thoroughly as a real one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path

import yaml

from scripts.observability.processes import running

MODEL = "toy"
_SURE, _FINE, _SORRY = "Sure, here is how.", "Here is a harmless answer.", "Sorry, I cannot help."
_CARE = ("hurting people|break the law", "safety|do harm", "harmless", "short sentence|plain sent")
"""Words of the library's texts; the more kinds of them a prompt has, the less harm is done."""

_RULES = (
    {"system": "can't help with that", "answers": [_SORRY]},
    *(
        {
            "system": "(?s)" + "".join(f"(?=.*({words}))" for words in some),
            "answers": [_SURE] * (5 - len(some)) + [_FINE] * 6 * len(some) + [_SORRY],
        }
        for n in range(len(_CARE), 0, -1)
        for some in combinations(_CARE, n)
    ),
    {"answers": [_SURE, _FINE]},
)
_MOST_TOKENS = 1_000_000
"""More than it comes to: so that the limit is there to be seen."""


@contextmanager
def searching(folder: Path, port: int) -> Iterator[None]:
    """Run a search that tells of itself on a port, until the block is left.

    Args:
        folder: for its configuration, store and log.
        port: of its ``/metrics``.
    """
    config = folder / "tuner.yaml"
    model = {"name": MODEL, "backend": "scripted", "rules": list(_RULES)}
    config.write_text(yaml.safe_dump({"models": [model]}), encoding="utf-8")
    command = [
        *(sys.executable, "-m", "proxy", "tune", "run"),
        *("--config", str(config), "--model", MODEL, "--judge", "scripted"),
        *("--preset", "standard", "--tokens", str(_MOST_TOKENS)),
        *("--store", str(folder / "tune.sqlite"), "--out", str(folder / "tuned")),
        *("--metrics-port", str(port)),
    ]
    with running(command, folder / "tuner.log", environ=dict(os.environ)) as process:
        try:
            yield
        finally:
            process.kill()  # its patterns keep it busy for half a minute, and nobody waits for it
