"""Every source module has its test where one would look for it."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXEMPT = {"__init__.py", "__main__.py", "base.py"}
"""Nothing to test of their own: package docstrings, `python -m` shims, protocols."""


def _modules() -> list[Path]:
    return sorted(
        path.relative_to(ROOT)
        for package in ("proxy", "tuner")
        for path in (ROOT / package).rglob("*.py")
        if path.name not in EXEMPT
    )


@pytest.mark.parametrize("module", _modules(), ids=str)
def test_module_has_its_test_at_the_mirrored_path(module: Path) -> None:
    """`proxy/a/b.py` is tested by `tests/proxy/a/test_b.py`."""
    test = ROOT / "tests" / module.parent / f"test_{module.name}"
    assert test.is_file(), f"{module} has no test at {test.relative_to(ROOT)}"
