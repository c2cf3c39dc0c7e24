"""The dashboards against Grafana's own TypeScript types, where npm's packages are."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.node_packages import node_modules

DASHBOARDS = Path(__file__).parents[3] / "deploy" / "grafana"
CHECK = """import type {{ Dashboard }} from '@grafana/schema';
function check<T extends Dashboard>(page: T): T {{ return page; }}
export const page = check({json});
"""
"""Generic, since a query's own fields, such as `expr`, are no part of the general type."""


def _types(folder: Path, pages: dict[str, str]) -> subprocess.CompletedProcess[str]:
    packages = node_modules()
    (folder / "node_modules").symlink_to(packages)
    for name, text in pages.items():
        (folder / f"{name}.ts").write_text(CHECK.format(json=text), encoding="utf-8")
    command = [
        "node", str(packages / "typescript" / "bin" / "tsc"), "--noEmit", "--strict",
        "--skipLibCheck", "--module", "nodenext", "--moduleResolution", "nodenext",
        *(f"{name}.ts" for name in pages),
    ]  # fmt: skip
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.node
def test_pages_have_grafanas_types(tmp_path: Path) -> None:
    """Every field that the types know is of its type; one that is not would be found."""
    pages = {path.stem: path.read_text("utf-8") for path in DASHBOARDS.glob("*.json")}
    wrong = pages["guardtune-engine"].replace('"timezone": "browser"', '"timezone": 5')
    done = _types(tmp_path, {**pages, "wrong": wrong})
    errors = [line for line in done.stdout.splitlines() if "error TS" in line]
    assert {line.partition("(")[0] for line in errors} == {"wrong.ts"}
    assert any("not assignable to type 'string'" in line for line in errors)
