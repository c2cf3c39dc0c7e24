"""What people install is the wheel, so the wheel is what must work."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built offline from this checkout."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    subprocess.run(
        [*command, "--no-build-isolation", "--wheel-dir", str(out), str(ROOT)], check=True
    )
    return next(out.glob("guardtune-*.whl"))


def test_wheel_holds_both_packages_and_their_data(wheel: Path) -> None:
    """Assets that are read at run time travel with the code."""
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if not name.startswith("guardtune-")} == {
        "proxy",
        "tuner",
    }
    suffixes = {Path(name).suffix for name in names}
    assert {".json", ".yaml"} <= suffixes


def test_wheel_installed_in_a_clean_environment_runs(wheel: Path, tmp_path: Path) -> None:
    """The command starts, knows its sub-commands, and checks a policy, away from the checkout."""
    environment = tmp_path / "env"
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    subprocess.run([*install, "--no-deps", "--no-index", str(wheel)], check=True)
    policy = tmp_path / "careful.yaml"
    policy.write_text("schema: 1\nname: careful\ndecoding: {temperature: 0.2}\n", encoding="utf-8")
    # The dependencies come from this environment; PYTHONPATH does not run its .pth files, so the
    # editable install of the checkout stays out of the way.
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": sysconfig.get_path("purelib")}

    def run(*arguments: str) -> str:
        command = [str(environment / "bin" / "guardtune"), *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    listing = run("--help")
    assert all(name in listing for name in ("serve", "policy", "tune"))
    assert "careful@" in run("policy", "show", str(policy))
    where = subprocess.run(
        [str(python), "-c", "import proxy; print(proxy.__file__)"],
        cwd=tmp_path, env=variables, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert str(environment) in where.stdout
