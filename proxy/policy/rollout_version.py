"""Which version a person means who decides about a policy from a terminal.

The folder says it, as long as the file is good. Where it is broken or gone, a server may still have
a version of it in force, and that is when somebody wants it back: so the journal says it, or the
person does, with its hash.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from proxy.domain import PolicyRef
from proxy.errors import PolicyError, Problem
from proxy.policy.rollout import Entry
from proxy.policy.schema import Policy
from proxy.policy.snapshot import Snapshot

_SHA = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Version:
    """A version that is decided about.

    Args:
        ref: which.
        policy: what it says; None where no file says it.
        note: what the person should know about that; empty where the file says it.
    """

    ref: PolicyRef
    policy: Policy | None = None
    note: str = ""


def find_version(
    asked: str, *, snapshot: Snapshot, entries: Sequence[Entry], folder: Path
) -> Version:
    """Return the version that is meant.

    Args:
        asked: ``NAME`` or ``NAME@SHA``.
        snapshot: what the folder says.
        entries: what the journal says, oldest first.
        folder: for messages.

    Raises:
        PolicyError: nothing is known of that name, with what is wrong in the folder; or it is no
            hash.
    """
    name, at, sha = asked.partition("@")
    if at and not _SHA.fullmatch(sha):
        message = (
            f"`{sha[:80]}` is no version. It has twelve digits of 0-9 and a-f, as in /policies."
        )
        raise PolicyError((Problem(name[:80], message),))
    policy = snapshot.find(name)
    if policy is not None and sha in ("", policy.sha):
        return Version(policy.ref, policy)
    if sha:
        return _by_hash(PolicyRef(name, sha), policy, entries)
    known = list(dict.fromkeys(entry.ref for entry in reversed(entries) if entry.policy == name))
    if not known:
        raise _unknown(name, snapshot, entries, folder)
    return Version(known[0], note=_from_journal(known, folder))


def _by_hash(ref: PolicyRef, policy: Policy | None, entries: Sequence[Entry]) -> Version:
    says = "no good file has that name" if policy is None else f"the file says {policy.ref}"
    is_known = any(entry.ref == ref for entry in entries)
    known = "" if is_known else ", and the journal has no step of it"
    return Version(ref, note=f"{says}{known}. It holds wherever {ref} is in force, or comes again.")


def _from_journal(known: Sequence[PolicyRef], folder: Path) -> str:
    newest, *older = known
    others = f" It also knows {', '.join(map(str, older))}." if older else ""
    return (
        f"no good file of {folder} has that name; {newest} is its newest version in the journal."
        f"{others} Where a server has another (see /policies), name it: {newest.name}@SHA."
    )


def _unknown(name: str, snapshot: Snapshot, entries: Sequence[Entry], folder: Path) -> PolicyError:
    """Say what is wrong, what there is instead, and how to name what only a server knows."""
    names = sorted({item.name for item in snapshot.policies} | {item.policy for item in entries})
    close = get_close_matches(name, names, n=1)
    hint = f"Did you mean `{close[0]}`?" if close else f"There is: {', '.join(names) or 'none'}."
    message = (
        f"no policy `{name[:80]}`. {hint} A version that a server still has in force, while its "
        "file is broken, goes by NAME@SHA, as in /policies."
    )
    return PolicyError((*snapshot.problems, Problem(str(folder), message)))
