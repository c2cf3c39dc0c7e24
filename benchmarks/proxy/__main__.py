"""``python -m benchmarks.proxy``: measure, write ``benchmarks/results/proxy.json`` and a page."""

from __future__ import annotations

import argparse
import json
import platform
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.engine.machine import machine
from benchmarks.own_environment import UnavailableError
from benchmarks.proxy import litellm_environment, load, nginx
from benchmarks.proxy.processes import ROOT
from benchmarks.proxy.report import markdown, result
from benchmarks.proxy.run import PARTS, QUICK, Bench, Plan
from proxy.engine.weights import default_cache

RESULTS = ROOT / "benchmarks" / "results" / "proxy.json"
PAGE = ROOT / "benchmarks" / "proxy.md"
_PACKAGES = ("guardtune", "starlette", "uvicorn", "uvloop", "httptools", "aiohttp", "msgspec")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status: 1 where there is no wrk."""
    arguments = _parser().parse_args(argv)
    if not load.is_installed():
        sys.stderr.write("This benchmark needs wrk (Debian: apt-get install wrk nginx-light).\n")
        return 1
    # Whatever was started ends with us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    plan = QUICK if arguments.quick else Plan()
    if arguments.repeats is not None:
        plan = replace(plan, n_repeats=arguments.repeats)
    litellm, left_out = _litellm(is_wanted=not arguments.without_litellm)
    if not nginx.is_installed():
        left_out.append("nginx is not installed (Debian: apt-get install nginx-light).")
    about = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": "python -m benchmarks.proxy" + (" --quick" if arguments.quick else ""),
        "machine": machine(),
        "versions": _versions(has_litellm=litellm is not None),
        "settings": asdict(plan),
    }
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(plan, Path(folder), litellm=litellm, say=_say)
        for part in arguments.part or PARTS:
            PARTS[part](bench)
    failures = [*left_out, *dict.fromkeys(bench.failures)]
    is_whole = not (arguments.quick or arguments.part)
    _write(
        result(bench.records, about=about, failures=failures), arguments.output, is_whole=is_whole
    )
    return 0


def _litellm(*, is_wanted: bool) -> tuple[Path | None, list[str]]:
    if not is_wanted:
        return None, ["LiteLLM was not asked for."]
    try:
        return litellm_environment.ensure(default_cache() / "benchmarks"), []
    except UnavailableError as error:
        _say(str(error))
        return None, [str(error)]


def _versions(*, has_litellm: bool) -> dict[str, str]:
    found = {"python": platform.python_version()}
    found |= {package: version(package) for package in _PACKAGES}
    if has_litellm:
        found[litellm_environment.PACKAGE] = litellm_environment.VERSION
    return found


def _write(data: dict[str, Any], output: Path | None, *, is_whole: bool) -> None:
    """A part or a smoke run never replaces the results that are kept."""
    page = markdown(data)
    if output is not None or is_whole:
        path = output or RESULTS
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(data, indent=1) + "\n", "utf-8")
        (PAGE if output is None else path.with_suffix(".md")).write_text(page, "utf-8")
    print(page)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.proxy", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run that writes nothing")
    parser.add_argument("--repeats", type=int, help=f"{Plan().n_repeats} by default")
    parser.add_argument(
        "--part", action="append", choices=tuple(PARTS),
        help="run only this one, and write nothing; may be repeated",
    )  # fmt: skip
    parser.add_argument("--without-litellm", action="store_true", help="leave LiteLLM out")
    parser.add_argument("--output", type=Path, help=f"instead of {RESULTS.relative_to(ROOT)}")
    return parser


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
