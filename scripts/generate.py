"""Write the files that code generates, or check that they are fresh.

Run it as ``make docs``; ``make check`` runs it with ``--check``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from proxy.metrics import reference as metrics
from proxy.policy import reference as policy
from proxy.settings import reference as settings
from proxy.suites import reference as suites
from scripts.observability import grafana
from scripts.observability.dashboards import DASHBOARDS
from tuner import metrics as tuner

ROOT = Path(__file__).parents[1]

GENERATED: Mapping[str, Callable[[], str]] = {
    "policies/schema.json": policy.schema_text,
    "docs/policy-reference.md": policy.markdown,
    "docs/metrics.md": lambda: metrics.markdown() + tuner.markdown(),
    "docs/configuration.md": settings.markdown,
    "docs/suite-list.md": suites.markdown,
    **{path: partial(grafana.render, page) for path, page in DASHBOARDS.items()},
}


def main() -> int:
    """Write what differs; under ``--check`` name it instead and return 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if stale")
    arguments = parser.parse_args()
    stale = [name for name, generate in GENERATED.items() if _read(name) != generate()]
    if arguments.check:
        for name in stale:
            sys.stderr.write(f"{name} is stale. Run: make docs\n")
        return 1 if stale else 0
    for name in stale:
        (ROOT / name).write_text(GENERATED[name](), encoding="utf-8")
        sys.stdout.write(f"wrote {name}\n")
    return 0


def _read(name: str) -> str:
    path = ROOT / name
    return path.read_text(encoding="utf-8") if path.is_file() else ""


if __name__ == "__main__":
    sys.exit(main())
