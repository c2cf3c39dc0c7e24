"""File, environment and flags."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.errors import SettingsError
from proxy.settings import load_settings


def _config(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "guardtune.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def _problems(**arguments: object) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(**{"environ": {}, "flags": {}, **arguments})  # type: ignore[arg-type]  # the tests' own shorthand
    return [str(problem) for problem in caught.value.problems]


def test_flags_win_over_environment_over_file(tmp_path: Path) -> None:
    """The nearer to the command, the stronger."""
    settings = load_settings(
        config=_config(tmp_path, "host: 127.0.0.1\nport: 1\npolicies: file\nlog_level: error\n"),
        environ={"GUARDTUNE_PORT": "2", "GUARDTUNE_POLICIES": "variable"},
        flags={"policies": "flag", "host": None},
    )
    assert (settings.port, settings.policies, settings.log_level) == (2, "flag", "error")


def test_variable_can_name_the_file(tmp_path: Path) -> None:
    """For containers."""
    path = _config(tmp_path, "port: 7\n")
    assert load_settings(environ={"GUARDTUNE_CONFIG": str(path)}, flags={}).port == 7


def test_variables_have_their_types() -> None:
    """`true` is no text, and a folder named 1 stays one... in quotes."""
    environ = {"GUARDTUNE_STRICT": "true", "GUARDTUNE_PORT": "0"}
    settings = load_settings(environ=environ, flags={})
    assert settings.strict
    assert settings.port == 0


def test_every_mistake_is_reported_where_it_was_made(tmp_path: Path) -> None:
    """File and line, variable, flag: all at once."""
    path = _config(
        tmp_path,
        "hots: 1\nlimits: {max_in_flight: 0}\nmodels:\n  - {name: a, backend: nope}\n",
    )
    problems = _problems(config=path, environ={"GUARDTUNE_LOG_LEVEL": "loud"}, flags={"port": -1})
    assert [problem.partition(": ")[0] for problem in problems] == [
        f"{path}:1",
        f"{path}:2",
        f"{path}:4",
        "GUARDTUNE_LOG_LEVEL",
        "--port",
    ]
    assert "Did you mean `host`?" in problems[0]


def test_secret_in_the_wrong_place_is_not_repeated(tmp_path: Path) -> None:
    """Messages end in logs."""
    text = "keys:\n  - {id: a, secret_sha256: hunter2-raw}\n  - {id: b, secret: hunter2-raw}\n"
    problems = _problems(config=_config(tmp_path, text))
    assert len(problems) >= 2
    assert "hunter2" not in "\n".join(problems)


def test_missing_file_is_named(tmp_path: Path) -> None:
    """With what to do."""
    (problem,) = _problems(config=tmp_path / "none.yaml")
    assert problem.endswith("none.yaml: no such file. Check the path.")


def test_file_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    """A list of settings is none."""
    (problem,) = _problems(config=_config(tmp_path, "- port\n"))
    assert "mapping" in problem
