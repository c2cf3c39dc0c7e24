"""The ``guardtune`` command: sub-commands are entry points, imported only when asked for."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import Distribution, EntryPoint, distributions, entry_points
from importlib.util import find_spec
from pathlib import Path

from proxy import __version__
from proxy.errors import GuardTuneError

GROUP = "guardtune.commands"
_INTERRUPTED = 130
_OUR_FILE = "\nproxy/__init__.py,"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one sub-command.

    Returns:
        Its exit code; 2 where something of the user's is wrong, 130 after Ctrl-C.
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    if clash := clashing_distributions(distributions()):
        sys.stderr.write(_clash_message(clash))
        return 2
    commands = {point.name: point for point in entry_points(group=GROUP)}
    match arguments:
        case [] | ["-h" | "--help", *_]:
            sys.stdout.write(usage(commands))
            return 0
        case ["--version" | "-V", *_]:
            sys.stdout.write(f"guardtune {__version__}\n")
            return 0
        case [name, *rest] if name in commands:
            return _run(commands[name], rest)
        case [name, *_]:
            sys.stderr.write(f"guardtune: no such command: {name}\n\n{usage(commands)}")
            return 2
    return 2


def clashing_distributions(installed: Iterable[Distribution]) -> tuple[str, ...]:
    """Return other distributions that install a top-level package ``proxy`` over ours.

    PyPI's ``proxy.py`` does. Two wheels with one package overwrite each other's files silently, and
    what runs then is neither. Looking through the records costs 20 ms, a twentieth of what
    `importlib.metadata.packages_distributions` takes to say the same.

    Args:
        installed: all distributions.
    """
    owners = (item for item in installed if _OUR_FILE in (item.read_text("RECORD") or ""))
    return tuple(sorted({item.name for item in owners} - {"guardtune"}))


def usage(commands: Mapping[str, EntryPoint]) -> str:
    """List the sub-commands, each with the first line of its module's docstring."""
    lines = ["usage: guardtune COMMAND …", "", "commands:"]
    lines += [f"  {name:<8} {_summary(commands[name].module)}" for name in sorted(commands)]
    lines += [
        "",
        "`guardtune COMMAND --help` explains one; `guardtune --version` says which this is.",
    ]
    return "".join(f"{line}\n" for line in lines)


def _run(command: EntryPoint, arguments: Sequence[str]) -> int:
    try:
        run: Callable[[Sequence[str]], int] = command.load()
        return run(arguments)
    except GuardTuneError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        return _INTERRUPTED


def _summary(module: str) -> str:
    """Read the first line of a module's docstring without importing what the module imports."""
    try:
        spec = find_spec(module)
        source = Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else ""
        docstring = ast.get_docstring(ast.parse(source)) or ""
    except (ImportError, OSError, SyntaxError):
        return "(cannot be read)"
    line = docstring.partition("\n")[0]
    return line.partition(": ")[2] or line


def _clash_message(names: Sequence[str]) -> str:
    return (
        f"guardtune: {', '.join(names)} installs a package `proxy` over GuardTune's own; both are "
        "broken now.\nInstall GuardTune into an environment of its own (a venv, pipx or a "
        "container), and reinstall the other one.\n"
    )
