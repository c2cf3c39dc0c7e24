"""`guardtune policy promote|rollback|retry|history`: decide about a version, and see who did.

They write into the journal beside the policies, which every running server of that folder follows.
"""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from proxy.errors import PolicyError
from proxy.policy.folder import scan
from proxy.policy.journal import JOURNAL_NAME, Journal
from proxy.policy.loading import State, advance
from proxy.policy.rollout import Entry, Step, since_retry
from proxy.policy.schema import Policy
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
        command.add_argument("name", metavar="NAME", help="the policy's name")
        command.add_argument("--why", default="by hand", metavar="TEXT", help="for the history")
        _add_places(command)
        command.set_defaults(run=_step_command(step))
    history = commands.add_parser("history", help="print every step of rollouts, oldest first")
    history.add_argument("name", nargs="?", metavar="NAME", help="of one policy only")
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
    snapshot = _snapshot(options.policies, journal)
    policy = snapshot.find(options.name)
    if policy is None:
        return _unknown(options.name, snapshot, options.policies)
    if reason := _needless(step, policy, snapshot, journal):
        _say(f"{policy.ref}: {reason}; nothing to do.")
        return OK
    before = since_retry(journal.read().entries, policy.ref)
    entry = Entry(
        at=datetime.now(UTC),
        who=f"cli:{_user()}",
        step=step,
        policy=policy.name,
        sha=policy.sha,
        why=options.why,
        old=before[-1].old if before else None,
    )
    try:
        journal.append(entry)
    except PolicyError as error:
        _complain(str(error))
        return PROBLEMS
    _, done, undo = _STEPS[step]
    _say(f"{policy.ref}: {done}.\nA running server takes it within two seconds.")
    _say(f"To undo it: guardtune policy {undo} {policy.name}")
    return OK


def _needless(step: Step, policy: Policy, snapshot: Snapshot, journal: Journal) -> str | None:
    """Say why a step would change nothing, if so."""
    share = snapshot.share(policy)
    if step == "promote" and share >= 1:
        return "every matching request gets it already"
    # A share of 0 in the file is not enough: that version is measured, and could still be promoted.
    if step == "rollback" and share <= 0 and policy.ref in snapshot.decided:
        return "no request gets it already"
    if step == "retry" and not since_retry(journal.read().entries, policy.ref):
        return "nothing was measured or decided"
    return None


def _history(options: argparse.Namespace) -> int:
    reading = _journal(options).read()
    for entry in reading.entries:
        if options.name in (None, entry.policy):
            _say(msgspec.json.encode(entry).decode() if options.json else line(entry))
    for problem in reading.problems:
        _complain(str(problem))
    return PROBLEMS if reading.problems else OK


def _journal(options: argparse.Namespace) -> Journal:
    return Journal(options.journal or options.policies / JOURNAL_NAME)


def _snapshot(folder: Path, journal: Journal) -> Snapshot:
    files = advance(State(), scan(folder), folder=folder, now=0.0).snapshot
    return with_decisions(Snapshot(), files, journal.read(), now=0.0)


def _unknown(name: str, snapshot: Snapshot, folder: Path) -> int:
    """Say what there is instead; a file with mistakes has no version that could be decided on."""
    for problem in snapshot.problems:
        _complain(str(problem))
    names = [policy.name for policy in snapshot.policies]
    close = get_close_matches(name, names, n=1)
    known = f"Did you mean `{close[0]}`?" if close else f"There is: {', '.join(names) or 'none'}."
    _complain(f"{folder}: no policy `{name[:80]}`. {known}")
    return USAGE


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that has no name
        return str(os.getuid())


def _say(text: str) -> None:
    print(text)  # noqa: T201 - a command's output


def _complain(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201 - a command's output
