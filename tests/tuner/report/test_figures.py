"""The charts in a real browser, where there is one."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.tuner.report.conftest import cut
from tuner.report.document import as_document
from tuner.report.facts import Facts
from tuner.report.page import as_page

pytestmark = [pytest.mark.chromium, pytest.mark.slow]


def drawn(page: str, folder: Path) -> str:
    """The page as the browser has it once its scripts have run."""
    path = folder / "page.html"
    path.write_text(page, encoding="utf-8")
    command = [
        "chromium", "--headless=new", "--no-sandbox", "--disable-gpu",
        f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=4000",
        "--window-size=1100,900", "--dump-dom", path.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout.split("<script", 1)[0]


def figures(dom: str) -> dict[str, str]:
    """Chart → what is in its place."""
    found = re.findall(r'<figure data-figure="(\w+)"(.*?)(?=<figure data-figure|</section>)', dom,
                       flags=re.DOTALL)  # fmt: skip
    return dict(found)


def test_every_chart_of_a_finished_run_is_drawn(document: dict[str, Any], tmp_path: Path) -> None:
    """Under the page's own content policy."""
    found = figures(drawn(as_page(document, store="s"), tmp_path))
    assert len(found) >= 13
    for name, content in found.items():
        assert "could not be drawn" not in content, (name, content[:200])
        assert "<svg" in content, name


def test_every_chart_of_a_running_search_is_drawn(facts: Facts, tmp_path: Path) -> None:
    """Without validation, test or second judge."""
    found = figures(drawn(as_page(as_document(cut(facts, "validation")), store="s"), tmp_path))
    assert {"pareto", "plane", "hypervolume", "funnel", "parallel", "optimism"} <= set(found)
    for name, content in found.items():
        assert "could not be drawn" not in content, (name, content[:200])
        assert "<svg" in content, name
