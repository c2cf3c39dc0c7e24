"""Write a run's policy again, as a canary or by force, and put back what was there before."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from proxy.errors import Problem, SettingsError, StoreError
from proxy.evaluation.store import EvaluationStore
from proxy.policy.schema import Policy, Rollout
from tuner.config import RunConfig
from tuner.export import tuned_policy, why_not
from tuner.place import names, place_of
from tuner.policy_file import (
    holds_another,
    last_exported,
    replaced_another,
    undo,
    write_policy,
)
from tuner.record import Record

_SHADOW = Rollout(share=0.0)


def export(arguments: argparse.Namespace) -> int:
    """The sub-command; returns 0."""
    name = None if arguments.name is None else policy_name(arguments.name, to_find=arguments.undo)
    with EvaluationStore(arguments.store, read_only=True) as store:
        if arguments.undo:
            sys.stdout.write(f"{undo(_exported(store, arguments.run, name, arguments.out))}\n")
            return 0
        record = Record.load(store, arguments.run)
    folder = arguments.out or Path(record.config.out)
    policy = tuned_policy(record, name=name, force=arguments.force, canary=arguments.canary)
    is_canary = arguments.canary is not None and policy.rollout != _SHADOW
    if is_canary and _is_beside(policy, folder):
        policy = tuned_policy(
            record, name=name, force=arguments.force, canary=arguments.canary, is_beside=True
        )
    write(policy, folder)
    if arguments.canary is not None and not is_canary:
        sys.stdout.write(
            f"--canary {arguments.canary:g} was left out, because {why_not(record)}. With --force "
            "they get it all the same.\n"
        )
    return 0


def _is_beside(canary: Policy, folder: Path) -> bool:
    """Whether a canary has to leave its file to what is there, for those who do not get it.

    Raises:
        StoreError: it is there for everybody, in the place of what they should keep.
    """
    path = folder / f"{canary.name}.yaml"
    if holds_another(path, canary):
        return True
    if path.exists() and replaced_another(path, canary):
        raise StoreError(
            f"{path}: gives this policy to everybody already, in the place of another one. Put "
            "that back with `guardtune tune export --undo` first; the canary then stands beside it."
        )
    return False


def _exported(
    store: EvaluationStore, run_id: str | None, name: str | None, out: Path | None
) -> Path:
    """The file that an export of a run wrote last: in force, a canary or a shadow.

    Without a run's id, of the latest that has something to undo: one that was stopped since, under
    another name, has written nothing.

    Raises:
        StoreError: there is no such run, or none has exported anything that can be undone.
    """
    if run_id is not None:
        paths = _paths(Record.load(store, run_id).config, name, out)
        return last_exported(paths) or paths[0]
    for run in reversed(store.runs()):
        found = last_exported(_paths(RunConfig.from_json(run.config), name, out))
        if found is not None:
            return found
    raise StoreError(
        f"{store.path}: of its runs there is no export to undo. Name the run with --run, and give "
        "--name and --out again where its export was given them."
    )


def _paths(config: RunConfig, name: str | None, out: Path | None) -> list[Path]:
    """All that the exports of a run may have written."""
    folder = out or Path(config.out)
    return [folder / f"{one}.yaml" for one in names(name or config.name)]


def write(policy: Policy, folder: Path) -> None:
    """Write a policy file and say what will become of it."""
    path = write_policy(policy, folder)
    sys.stdout.write(f"Wrote {path} ({policy.ref}).\n")
    if policy.rollout is None:
        _say_what_stands_above(policy, folder)
    elif policy.rollout.share:
        sys.stdout.write(
            f"It is a canary for {policy.rollout.share:g} of the conversations: the others keep "
            f"what they have, until `guardtune policy promote {policy.name}`.\n"
        )
    else:
        sys.stdout.write(
            "It is a shadow: a proxy that reads this folder measures it beside what is in force "
            f"and gives it to nobody, until `guardtune policy promote {policy.name}`.\n"
        )


def _say_what_stands_above(policy: Policy, folder: Path) -> None:
    """An earlier canary or shadow, once promoted, would take all that this one is meant for."""
    paths = [folder / f"{name}.yaml" for name in names(policy.name)[1:]]
    found = " and ".join(path.name for path in paths if path.exists())
    if found:
        sys.stdout.write(
            f"Above it stands {found}: remove that if it was promoted, or is to get no share.\n"
        )


def policy_name(name: str, *, to_find: bool = False) -> str:
    """A name that was typed, if it can be that of a policy in force.

    Args:
        name: as typed.
        to_find: whether a policy of this name is there already, be it a canary or a shadow.

    Raises:
        SettingsError: it cannot.
    """
    if not to_find and (place := place_of(name)) != "in force":
        message = f'"{name[:80]}" is what a {place} would be called. Leave its ending out.'
        raise SettingsError((Problem("--name", message),))
    if not re.fullmatch(r"[a-z0-9-]{1,64}", name) or name == "passthrough":
        message = f'"{name[:80]}" cannot name a policy. Use a-z, 0-9 and -, at most 64.'
        raise SettingsError((Problem("--name", message),))
    return name
