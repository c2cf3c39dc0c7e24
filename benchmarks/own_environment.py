"""Virtual environments for what is compared with us and cannot share ours; made the first time."""

from __future__ import annotations

import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path


class UnavailableError(Exception):
    """A package cannot be installed here; says why, and how to do it by hand."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """What is to be installed.

    Args:
        package: its name, which is also what is imported.
        version: exactly this one.
        extra: an extra of it; empty for none.
        with_dependencies: whether it needs other packages.
    """

    package: str
    version: str
    extra: str = ""
    with_dependencies: bool = False

    def __str__(self) -> str:
        extra = f"[{self.extra}]" if self.extra else ""
        return f"{self.package}{extra}=={self.version}"


def ensure(cache: Path, requirement: Requirement) -> Path:
    """The interpreter of an environment that has a package.

    Args:
        cache: the folder in which it lies, by version.
        requirement: the package.

    Raises:
        UnavailableError: no network, or no wheel for this machine.
    """
    folder = cache / f"{requirement.package}-{requirement.version}"
    python = folder / "bin" / "python"
    if _has(requirement, python):
        return python
    venv.create(folder, clear=True, with_pip=True)
    alone = () if requirement.with_dependencies else ("--no-deps",)
    command = [
        str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
        "--only-binary", ":all:", *alone, str(requirement),
    ]  # fmt: skip
    installed = subprocess.run(command, capture_output=True, text=True, check=False)
    if installed.returncode or not _has(requirement, python):
        reason = (installed.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UnavailableError(
            f"{requirement} cannot be installed ({reason}) and is left out. "
            f"By hand: {sys.executable} -m venv {folder} && {' '.join(command)}"
        )
    return python


def _has(requirement: Requirement, python: Path) -> bool:
    """Whether it is there, at this version; its import may take many seconds."""
    if not python.exists():
        return False
    question = f"from importlib.metadata import version; print(version({requirement.package!r}))"
    found = subprocess.run(
        [str(python), "-c", question], capture_output=True, text=True, check=False
    )
    return found.returncode == 0 and found.stdout.strip() == requirement.version
