"""The programs that are compared."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.proxy.processes import Program
from benchmarks.proxy.work import KEY, MODEL, POLICY, configuration

CONTENDERS: Mapping[str, str] = {
    "direct": "the upstream itself",
    "nginx": "nginx as reverse proxy",
    "bare": "Starlette + aiohttp by hand, on uvicorn",
    "raw": "an ASGI function + a client of some lines, on uvicorn",
    "litellm": "LiteLLM proxy",
    "guardtune": "`guardtune serve`, its whole path",
}


def guardtune(folder: Path, upstream_port: int) -> Program:
    """Ours: a key, a policy that changes each request, metrics, every answer handed to a judge.

    The judge decides by a rule: what an embedded or a remote one costs is not the path's.
    """
    policies = folder / "policies"
    policies.mkdir(parents=True, exist_ok=True)
    (policies / "benchmark.yaml").write_text(POLICY)
    path = folder / "guardtune.yaml"
    path.write_text(
        configuration(
            client="lean", judge="scripted", mock_port=upstream_port, policies=str(policies)
        )
    )
    command = (sys.executable, "-m", "proxy", "serve", "--config", str(path), "--port", "{port}")
    return Program("guardtune", command, {"BENCHMARK_KEY": KEY})


def bare(upstream_port: int) -> Program:
    """What one would write instead."""
    return _uvicorn("bare", upstream_port, "--lifespan", "on")


def raw(upstream_port: int) -> Program:
    """What one would write instead, were nothing but speed wanted."""
    return _uvicorn("raw", upstream_port, "--lifespan", "off")


def mock() -> Program:
    """The upstream for streams, and for plain answers where there is no nginx."""
    return Program("direct", (sys.executable, "-m", "benchmarks.proxy.mock", "{port}"), {})


def litellm(python: Path, folder: Path, upstream_port: int) -> Program:
    """LiteLLM's proxy with one worker, no database, and as little logging as it knows."""
    path = folder / "litellm.yaml"
    path.write_text(
        f"model_list:\n  - model_name: {MODEL}\n    litellm_params: {{model: openai/{MODEL}, "
        f'api_base: "http://127.0.0.1:{upstream_port}/v1", api_key: x}}\n'
    )
    command = (
        str(python.with_name("litellm")), "--config", str(path), "--port", "{port}",
        "--host", "127.0.0.1", "--num_workers", "1",
    )  # fmt: skip
    environ = {
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOG": "ERROR",
    }
    return Program("litellm", command, environ)


def _uvicorn(name: str, upstream_port: int, *options: str) -> Program:
    command = (
        sys.executable, "-m", "uvicorn", f"benchmarks.proxy.{name}:app", "--port", "{port}",
        "--http", "httptools", "--loop", "uvloop", "--no-access-log", "--log-level", "error",
        *options,
    )  # fmt: skip
    return Program(name, command, {"MOCK_PORT": str(upstream_port)})
