"""Where settings come from: a YAML file, then ``GUARDTUNE_*`` variables, then flags.

Later sources win. Every mistake of all of them is reported at once, each where it was made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from proxy.errors import InvalidInputError, Problem, SettingsError
from proxy.policy.diagnostics import validate
from proxy.policy.document import Document
from proxy.policy.source import read_yaml
from proxy.settings.schema import Settings

PREFIX = "GUARDTUNE_"

FROM_ENVIRONMENT = (
    "host", "port", "workers", "policies", "insecure", "metrics_open", "require_policy", "strict",
    "log_level",
)  # fmt: skip
"""Settings that a variable can set: ``GUARDTUNE_HOST`` for ``host``, and so on."""


def load_settings(
    *,
    config: Path | None = None,
    environ: Mapping[str, str],
    flags: Mapping[str, Any],
) -> Settings:
    """Read and check the configuration.

    Args:
        config: the YAML file; None for the one that ``GUARDTUNE_CONFIG`` names, if any.
        environ: the process's environment.
        flags: settings given on the command line; None values were not given.

    Raises:
        SettingsError: with every mistake, in file order, then those of variables and flags.
    """
    document = _read(config, environ)
    given = _from_environment(environ)
    origins = {name: f"{PREFIX}{name.upper()}" for name in given}
    for name, value in flags.items():
        if value is not None:
            given[name] = value
            origins[name] = f"--{name.replace('_', '-')}"
    data = {} if document.data is None else document.data
    if not isinstance(data, dict):
        return validate(document, Settings, error=SettingsError)
    try:
        return validate(replace(document, data={**data, **given}), Settings, error=SettingsError)
    except InvalidInputError as error:
        problems = [_at_origin(problem, origins) for problem in error.problems]
        raise SettingsError(tuple(sorted(problems, key=lambda item: item.line is None))) from None


def _read(config: Path | None, environ: Mapping[str, str]) -> Document:
    path = config or (Path(named) if (named := environ.get(f"{PREFIX}CONFIG")) else None)
    return Document("configuration", None) if path is None else read_yaml(path)


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """Read variables as YAML scalars, so that ``true`` and ``8000`` have their types."""
    given: dict[str, Any] = {}
    for name in FROM_ENVIRONMENT:
        if text := environ.get(f"{PREFIX}{name.upper()}"):
            given[name] = _scalar(text)
    return given


def _scalar(text: str) -> Any:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    return value if isinstance(value, bool | int | float) else text


def _at_origin(problem: Problem, origins: Mapping[str, str]) -> Problem:
    """Blame the variable or the flag where the value came from, instead of a line of the file."""
    name = problem.path.partition(".")[0].partition("[")[0]
    origin = origins.get(name)
    return problem if origin is None else Problem(origin, problem.message)
