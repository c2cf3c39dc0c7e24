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

from proxy.policy.source import load_policy
from scripts.observability.processes import free_port, get, get_json, running, wait_until

FAKE, ABSENT, COVERED, REAL = "fake", "absent", "covered", "smollm2-135m-instruct"
"""Served names: a script; an address where nobody listens, and one for which the script stands in;
the embedded model, if asked for."""

REMOTE = (ABSENT, COVERED)

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
_CANARY = (
    "description: Worse, for some.\nmatch: {models: [fake], priority: 1}\nrollout: {share: 0.2}\n"
    "system_prompt: {text: Be a careless canary.}\n"
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
        return tuple(model for model in self.models if model not in REMOTE)

    def worsen(self) -> None:
        """Replace the policy by one under which the scripted model answers harmfully."""
        _write_policy(self.folder, "default", _AFTER)

    def try_canary(self) -> None:
        """Give a fifth of the scripted model's conversations a worse policy, and see it taken back.

        Raises:
            TimeoutError: it goes on.
        """
        _write_policy(self.folder, "canary", _CANARY)
        wait_until(self._is_rolled_back, "the rollback", within_s=_PROBED_WITHIN_S)

    def wait_for_probes(self, *models: str) -> float:
        """Wait until the policy as it stands in the folder has been probed on each of these models.

        Returns:
            When the last of its first rounds ended, in Unix seconds.

        Raises:
            TimeoutError: they take too long.
        """
        folder = self.folder / "policies"
        now = load_policy(folder / "default.yaml", root=folder).sha
        ended: dict[str, float] = {}

        def have_ended() -> bool:
            for report in get_json(self.port, "/policies")["probe_history"]:
                if report["sha"] == now:
                    ended[report["model"]] = report["finished_at"]
            return ended.keys() >= set(models)

        wait_until(have_ended, f"the probes of {models}", within_s=_PROBED_WITHIN_S)
        return max(ended[model] for model in models)

    def _is_rolled_back(self) -> bool:
        policies = get_json(self.port, "/policies")["policies"]
        return any(item["name"] == "canary" and item["share"] == 0 for item in policies)


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
    _write_policy(folder, "default", _BEFORE)
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
    nobody = f"http://127.0.0.1:{free_port()}/v1"
    models: list[dict[str, Any]] = [
        {"name": FAKE, "backend": "scripted", "rules": json.loads(json.dumps(_RULES))},
        *({"name": name, "backend": "openai", "base_url": nobody} for name in REMOTE),
    ]
    models[-1]["fallbacks"] = [FAKE]
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


def _write_policy(folder: Path, name: str, rest: str) -> None:
    """Write beside and rename, as a careful operator does."""
    path = folder / "policies" / f"{name}.yaml"
    beside = folder / f"{name}.new"
    beside.write_text(f"schema: 1\nname: {name}\n{rest}", encoding="utf-8")
    beside.replace(path)
