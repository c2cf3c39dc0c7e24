"""Packages of npm that tests need, installed once and kept outside the checkout.

``python3 tests/node_packages.py`` installs them, which needs npm and its registry. It uses the
standard library only, so that it can run before there is an environment.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PINNED = Path(__file__).parent / "conformance" / "node"
"""Its lock file says which versions, and what they hash to."""

INSTALL = "python3 tests/node_packages.py"

_COMMAND = [
    *("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"),
    # Without a network it is better to know it soon.
    *("--prefer-offline", "--fetch-retries=1", "--fetch-retry-mintimeout=1000"),
]


def node_modules() -> Path:
    """Where the packages of the present lock file are, or would be."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    digest = hashlib.sha256((PINNED / "package-lock.json").read_bytes()).hexdigest()[:12]
    return Path(base).expanduser() / "guardtune" / "tests" / f"node-{digest}" / "node_modules"


def are_installed() -> bool:
    """Whether tests can use them: they are there, and so is node."""
    return shutil.which("node") is not None and node_modules().is_dir()


def install() -> bool:
    """Install them, unless they are there; a folder is seen by others once it is whole.

    Returns:
        Whether it worked; what did not is on standard error.
    """
    if are_installed():
        return True
    if None in (shutil.which("node"), shutil.which("npm")):
        sys.stderr.write("node or npm is missing: apt-get install nodejs npm\n")
        return False
    home = node_modules().parent
    home.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=home.parent))
    try:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(PINNED / name, made)
        if subprocess.run(_COMMAND, cwd=made, check=False).returncode == 0:
            made.rename(home)
    except OSError as error:
        # Where somebody else was quicker, theirs is as good.
        sys.stderr.write(f"{error}\n")
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return are_installed()


if __name__ == "__main__":
    sys.exit(not install())
