"""`guardtune policy`: check, show, compare, describe and roll out policies from a terminal.

Exit codes: 0 all right, 1 problems found (or, for `diff`, a difference), 2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from proxy.errors import PolicyError, Problem
from proxy.policy.folder import Unseen, policy_files
from proxy.policy.loading import duplicate_problems, tie_warnings
from proxy.policy.reference import markdown, schema_text
from proxy.policy.rollout_command import add_commands
from proxy.policy.schema import Policy
from proxy.policy.source import dump_policy, load_policy
from proxy.policy.wording import printable

OK, PROBLEMS, USAGE = 0, 1, 2


def main(argv: Sequence[str]) -> int:
    """Run one sub-command; returns the exit code."""
    try:
        options = _parser().parse_args(argv)
    except SystemExit as stop:  # argparse has printed its message or the help
        return stop.code if isinstance(stop.code, int) else USAGE
    missing = [path for path in getattr(options, "paths", []) if not path.exists()]
    if missing:
        _complain(f"guardtune policy: no such file or folder: {', '.join(map(str, missing))}")
        return USAGE
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except BrokenPipeError:  # `| head` has seen enough; what is still buffered has nowhere to go
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="guardtune policy", description="Work with policy files.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="report every mistake in files and folders")
    check.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    check.set_defaults(run=_check)
    show = commands.add_parser("show", help="print a policy with its identity, texts resolved")
    show.add_argument("paths", nargs=1, type=Path, metavar="PATH")
    show.add_argument("--json", action="store_true", help="print JSON instead of YAML")
    show.set_defaults(run=_show)
    diff = commands.add_parser("diff", help="compare what two policies do, field by field")
    diff.add_argument("paths", nargs=2, type=Path, metavar="PATH")
    diff.set_defaults(run=_diff)
    schema = commands.add_parser("schema", help="print the format as JSON Schema")
    schema.add_argument("--markdown", action="store_true", help="print the reference for people")
    schema.set_defaults(run=_schema)
    add_commands(commands)
    return parser


def _check(options: argparse.Namespace) -> int:
    problems: list[Problem] = []
    warnings: list[Problem] = []
    count = 0
    for path in options.paths:
        loaded, found = _load_all(path)
        count += len(loaded)
        problems += [*found, *duplicate_problems((policy, str(file)) for policy, file in loaded)]
        warnings += tie_warnings({policy: str(file) for policy, file in loaded})
        for policy, file in loaded:
            _say(f"{file}: {policy.ref}")
    for problem in problems:
        _complain(str(problem))
    for warning in warnings:
        _complain(f"{warning} (warning)")
    _say(f"{_plural(count, 'good policy', 'good policies')}, {_plural(len(problems), 'problem')}.")
    return PROBLEMS if problems else OK


def _load_all(path: Path) -> tuple[list[tuple[Policy, Path]], list[Problem]]:
    """Return the good policies of a file or folder with their files, and all problems."""
    is_folder = path.is_dir()
    root = path if is_folder else path.parent
    unseen: Unseen = {}
    files = list(policy_files(path, unseen=unseen)) if is_folder else [path]
    loaded: list[tuple[Policy, Path]] = []
    problems = [Problem(str(folder), str(why)) for folder, why in unseen.items()]
    for file in files:
        try:
            loaded.append((load_policy(file, root=root), file))
        except PolicyError as error:
            problems += error.problems
    if not files and not unseen:
        problems.append(Problem(str(path), "no policy file (*.yaml) in this folder."))
    return loaded, problems


def _show(options: argparse.Namespace) -> int:
    policy = _load_or_complain(options.paths[0])
    if policy is None:
        return PROBLEMS
    if options.json:
        data = policy.model_dump(mode="json", exclude_none=True)
        _say(json.dumps({"ref": str(policy.ref), **data}, indent=2, ensure_ascii=False))
    else:
        _say(f"# {policy.ref}\n{dump_policy(policy)}".rstrip())
    return OK


def _diff(options: argparse.Namespace) -> int:
    first, second = (_load_or_complain(path) for path in options.paths)
    if first is None or second is None:
        return USAGE
    if first.sha == second.sha:
        _say(f"{first.ref}: the same policy.")
        return OK
    _say(f"--- {first.ref}  {options.paths[0]}\n+++ {second.ref}  {options.paths[1]}")
    before, after = dict(_leaves(first.content())), dict(_leaves(second.content()))
    for place in dict.fromkeys([*before, *after]):
        if before.get(place) != after.get(place):
            _say("\n".join(_changed(place, before, after)))
    return PROBLEMS


def _schema(options: argparse.Namespace) -> int:
    _say((markdown() if options.markdown else schema_text()).rstrip("\n"))
    return OK


def _load_or_complain(path: Path) -> Policy | None:
    try:
        return load_policy(path, root=path.parent)
    except PolicyError as error:
        _complain(str(error))
        return None


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield every scalar by its dotted place, written as JSON."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{place}[{index}]")
    else:
        yield place, json.dumps(value, ensure_ascii=False)


def _changed(place: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    if place in before:
        yield f"- {place}: {before[place]}"
    if place in after:
        yield f"+ {place}: {after[place]}"


def _plural(count: int, one: str, many: str | None = None) -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"


def _say(text: str) -> None:
    print(printable(text))  # noqa: T201 - a command's output


def _complain(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201 - a command's output
