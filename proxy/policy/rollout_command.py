"""`guardtune policy promote|rollback|retry|history`: decide about a version, and see who did.

They write into the journal beside the policies, which every running server of that folder follows.
No server is asked, and no file need be good: see `rollout_version`.
"""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from proxy.domain import PolicyRef
from proxy.errors import PolicyError
from proxy.policy.folder import scan
from proxy.policy.journal import JOURNAL_NAME, Journal
from proxy.policy.loading import State, advance
from proxy.policy.rollout import Entry, Step, decisions, since_retry
from proxy.policy.rollout_version import Version, find_version
from proxy.policy.snapshot import Snapshot, with_decisions

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no public name

OK, PROBLEMS, USAGE = 0, 1, 2

_STEPS: dict[Step, tuple[str, str, str]] = {
    "promote": (
        "give every matching request this version, whatever its file's share",
        "promoted: every matching request gets it",
        "rollback",
    ),
    "rollback": (
        "give no request this version; what matches next takes over",
        "rolled back: what matches next takes over",
        "retry",
    ),
    "retry": (
        "let the file's share hold again; a canary is measured anew",
        "left to its file again; a canary is measured anew",
        "promote|rollback",
    ),
}
"""Step → its help, what is said when it is done, and what undoes it."""


def add_commands(commands: Commands) -> None:
    """Add the four to those of `guardtune policy`."""
    for step, (meaning, _, _) in _STEPS.items():
        command = commands.add_parser(step, help=meaning, description=f"{meaning.capitalize()}.")
        command.add_argument("name", metavar="NAME", help="of the policy, or NAME@SHA")
        command.add_argument("--why", default="by hand", metavar="TEXT", help="for the history")
        _add_places(command)
        command.set_defaults(run=_step_command(step))
    history = commands.add_parser("history", help="print the steps of rollouts, oldest first")
    history.add_argument("name", nargs="?", metavar="NAME", help="of one policy only, or NAME@SHA")
    history.add_argument("--json", action="store_true", help="print the journal's lines")
    _add_places(history)
    history.set_defaults(run=_history)


def line(entry: Entry) -> str:
    """Return one step for people: when, who, what, which version and why."""
    at = entry.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"{at}  {entry.who:12}  {entry.step:8}  {entry.ref}  {entry.why}"


def _add_places(command: argparse.ArgumentParser) -> None:
    folder = os.environ.get("GUARDTUNE_POLICIES", "policies")
    command.add_argument(
        "--policies", type=Path, default=folder, metavar="FOLDER",
        help="the policy folder (GUARDTUNE_POLICIES, else policies)",
    )  # fmt: skip
    command.add_argument(
        "--journal", type=Path, metavar="FILE",
        help=f"where the server's `rollout.journal` is set ({JOURNAL_NAME} in the folder)",
    )  # fmt: skip


def _step_command(step: Step) -> Callable[[argparse.Namespace], int]:
    return lambda options: _take(step, options)


def _take(step: Step, options: argparse.Namespace) -> int:
    journal = _journal(options)
    entries = journal.read().entries
    snapshot = _snapshot(options.policies, journal)
    try:
        version = find_version(
            options.name, snapshot=snapshot, entries=entries, folder=options.policies
        )
    except PolicyError as error:
        _complain(str(error))
        return USAGE
    if version.note:
        for problem in snapshot.problems:
            _complain(str(problem))
        _say(f"{version.ref}: {version.note}")
    if reason := _needless(step, version, snapshot, entries):
        _say(f"{version.ref}: {reason}; nothing to do.")
        return OK
    try:
        journal.append(_entry(step, version.ref, options.why, entries))
    except PolicyError as error:
        _complain(str(error))
        return PROBLEMS
    _, done, undo = _STEPS[step]
    _say(f"{version.ref}: {done}.\nA running server takes it within two seconds.")
    _say(f"To undo it: guardtune policy {undo} {options.name}")
    return OK


def _entry(step: Step, ref: PolicyRef, why: str, entries: Sequence[Entry]) -> Entry:
    before = since_retry(entries, ref)
    return Entry(
        at=datetime.now(UTC),
        who=f"cli:{_user()}",
        step=step,
        policy=ref.name,
        sha=ref.sha,
        why=why,
        old=before[-1].old if before else None,
    )


def _needless(
    step: Step, version: Version, snapshot: Snapshot, entries: Sequence[Entry]
) -> str | None:
    """Say why a step would change nothing, if so."""
    decision = decisions(entries).get(version.ref)
    held = None if decision is None else decision.step
    is_whole = version.policy is not None and snapshot.share(version.policy) >= 1
    if step == "promote" and (is_whole or held == "promote"):
        return "every matching request gets it already"
    # A share of 0 in the file is not enough: that version is measured, and could still be promoted.
    if step == "rollback" and held == "rollback":
        return "no request gets it already"
    if step == "retry" and not since_retry(entries, version.ref):
        return "nothing was measured or decided"
    return None


def _history(options: argparse.Namespace) -> int:
    reading = _journal(options).read()
    for entry in reading.entries:
        if options.name in (None, entry.policy, str(entry.ref)):
            _say(msgspec.json.encode(entry).decode() if options.json else line(entry))
    for problem in reading.problems:
        _complain(str(problem))
    return PROBLEMS if reading.problems else OK


def _journal(options: argparse.Namespace) -> Journal:
    return Journal(options.journal or options.policies / JOURNAL_NAME)


def _snapshot(folder: Path, journal: Journal) -> Snapshot:
    files = advance(State(), scan(folder), folder=folder, now=0.0).snapshot
    return with_decisions(Snapshot(), files, journal.read(), now=0.0)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that has no name
        return str(os.getuid())


def _say(text: str) -> None:
    print(text)  # noqa: T201 - a command's output


def _complain(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201 - a command's output
