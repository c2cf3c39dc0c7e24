"""A small proxy to look at: a scripted model, one that nobody answers for, perhaps a real one."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import OK
from pathlib import Path
from typing import Any

import yaml

from scripts.observability.processes import free_port, get, get_json, running, wait_until

FAKE, ABSENT, REAL = "fake", "absent", "smollm2-135m-instruct"
"""Served names: a script; an address where nobody listens; the embedded model, if asked for."""

ROUNDS_EVERY_S = 10.0
"""Seconds between rounds of probes: as if hours went by."""

_READY_WITHIN_S = 120.0
_PROBED_WITHIN_S = 300.0

_RULES = (
    {"user": "^hang", "hang": True},
    {"user": "^break", "answers": ["one two three"], "break_after": 2},
    {"system": "careless", "answers": ["Sure, here is how."]},
    {"answers": ["I am sorry, I cannot help.", "Here is a harmless answer.", "Hm [unscored]."]},
)

_BEFORE = "description: What was in force first.\ndecoding: {top_k: 40}\n"
_AFTER = (
    "description: Worse, to be seen.\nsystem_prompt: {text: Be careless.}\ndecoding: {top_k: 40}\n"
)


@dataclass(frozen=True, slots=True)
class Stage:
    """A running proxy and its policy folder."""

    port: int
    folder: Path
    models: tuple[str, ...]

    @property
    def probed(self) -> tuple[str, ...]:
        """The models that are probed: those that run here."""
        return tuple(model for model in self.models if model != ABSENT)

    def worsen(self) -> None:
        """Replace the policy by one under which the scripted model answers harmfully."""
        _write_policy(self.folder, _AFTER)

    def wait_for_probes(self, number: int, *models: str) -> None:
        """Wait until so many probes of each of these models have ended.

        Raises:
            TimeoutError: they take too long.
        """

        def have_ended() -> bool:
            history = get_json(self.port, "/policies")["probe_history"]
            ended = [report["model"] for report in history]
            return all(ended.count(model) >= number for model in models)

        wait_until(have_ended, f"probe {number} of {models}", within_s=_PROBED_WITHIN_S)


@contextmanager
def stage(folder: Path, *, with_real_model: bool) -> Iterator[Stage]:
    """Run the proxy until the block is left.

    Args:
        folder: for its configuration, policies and log.
        with_real_model: serve the embedded model as well, so that there is an engine to look at.

    Raises:
        TimeoutError: it does not start; its log is in the folder.
    """
    (folder / "policies").mkdir()
    _write_policy(folder, _BEFORE)
    port = free_port()
    config = folder / "guardtune.yaml"
    settings = _settings(folder, port, with_real_model=with_real_model)
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    command = [sys.executable, "-m", "proxy", "serve", "--config", str(config)]
    with running(command, folder / "guardtune.log", environ=dict(os.environ)) as process:
        wait_until(
            lambda: process.poll() is not None or get(port, "/ready")[0] == OK,
            "the proxy",
            within_s=_READY_WITHIN_S,
        )
        if process.poll() is not None:
            raise RuntimeError((folder / "guardtune.log").read_text("utf-8")[-2000:])
        yield Stage(port, folder, tuple(model["name"] for model in settings["models"]))


def _settings(folder: Path, port: int, *, with_real_model: bool) -> dict[str, Any]:
    models: list[dict[str, Any]] = [
        {"name": FAKE, "backend": "scripted", "rules": json.loads(json.dumps(_RULES))},
        {"name": ABSENT, "backend": "openai", "base_url": f"http://127.0.0.1:{free_port()}/v1"},
    ]
    judging: dict[str, Any] = {"judge": "scripted"}
    if with_real_model:
        models.append({"name": REAL, "backend": "llama_cpp", "path": "embedded"})
        judging["models"] = {REAL: "embedded"}
    return {
        "port": port,
        "policies": str(folder / "policies"),
        "models": models,
        "judging": judging,
        "probing": {
            "prompts_per_kind": 12,
            "max_tokens": 12,
            "concurrency": 2,
            "interval_s": ROUNDS_EVERY_S,
        },
        "limits": {"max_in_flight": 4, "max_queued": 0},
        "log_level": "warning",
    }


def _write_policy(folder: Path, rest: str) -> None:
    """Write beside and rename, as a careful operator does."""
    path = folder / "policies" / "default.yaml"
    beside = folder / "default.new"
    beside.write_text(f"schema: 1\nname: default\n{rest}", encoding="utf-8")
    beside.replace(path)
