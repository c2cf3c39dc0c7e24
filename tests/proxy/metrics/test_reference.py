"""The page about metrics is what the code says."""

from __future__ import annotations

from pathlib import Path

from proxy.metrics import CATALOGUE
from proxy.metrics.reference import markdown

PAGE = Path(__file__).parents[3] / "docs/metrics.md"


def test_page_is_fresh() -> None:
    """`make docs` writes it anew; the tuner's section comes after ours."""
    assert PAGE.read_text(encoding="utf-8").startswith(markdown())


def test_every_metric_has_its_row() -> None:
    """With its labels."""
    page = markdown()
    for spec in CATALOGUE:
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{spec.name}` ")]
        for label in spec.labels:
            assert f"`{label}`" in row
