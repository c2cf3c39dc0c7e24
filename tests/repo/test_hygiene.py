"""What must never be committed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REGISTRY_HOST = re.compile(r"(?:pypi\.|pythonhosted\.|npmjs\.|debian\.)(?:org|com)")
SOURCE_LINES = 400


def _tracked() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / line for line in listing.stdout.splitlines() if (ROOT / line).is_file()]


def test_no_committed_file_names_a_registry_host() -> None:
    """A lock file or script that names an index breaks behind a mirror."""
    found = [
        path.name
        for path in _tracked()
        if path != Path(__file__)
        and REGISTRY_HOST.search(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []


def test_no_test_folder_is_a_package() -> None:
    """`tests/proxy/__init__.py` would shadow the product's own `proxy`."""
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_no_source_file_is_too_long_to_read() -> None:
    """Past 400 lines a file wants a split."""
    long = [
        f"{path.relative_to(ROOT)}: {count} lines"
        for package in ("proxy", "tuner")
        for path in sorted((ROOT / package).rglob("*.py"))
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > SOURCE_LINES
    ]
    assert long == []


def test_lock_file_carries_hashes_and_avoids_the_compromised_releases() -> None:
    """Every pinned release has a hash; litellm 1.82.7 and 1.82.8 stole credentials."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pins = re.findall(r"^([a-z0-9.-]+)==(\S+)(.*)$", text, flags=re.MULTILINE)
    assert len(pins) > 50
    assert [name for name, _, rest in pins if not rest.rstrip().endswith("\\")] == []
    assert ("litellm", "1.82.7") not in [(name, version) for name, version, _ in pins]
    assert ("litellm", "1.82.8") not in [(name, version) for name, version, _ in pins]
