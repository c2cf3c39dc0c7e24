"""The policies in force at one moment: a request sees one snapshot from start to end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from proxy.errors import Problem
from proxy.policy.schema import Policy

Result = Literal["loaded", "partial", "failed"]
"""How a reload ended: all files taken, some refused, or nothing changed because of problems."""


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """What one reload of the policy folder led to. Two are equal only if they are the same.

    Args:
        policies: those in force, in order of name.
        problems: mistakes of the last reload; the policies they concern are older versions.
        warnings: what is allowed but probably not meant, such as a tie in precedence.
        loaded_at: Unix time in seconds.
        number: counts up from 0, which is the state before the first reload.
        files: policy name → the file it came from.
    """

    policies: tuple[Policy, ...] = ()
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    loaded_at: float = 0.0
    number: int = 0
    files: Mapping[str, str] = field(default_factory=dict)

    def find(self, name: str) -> Policy | None:
        """Return the policy of that name, if it is in force."""
        return next((policy for policy in self.policies if policy.name == name), None)

    @property
    def refs(self) -> frozenset[str]:
        """The identities in force, ``name@sha``."""
        return frozenset(str(policy.ref) for policy in self.policies)


@dataclass(frozen=True, slots=True)
class ReloadResult:
    """How the last reload that changed anything ended.

    Args:
        result: a closed set, used as a metric label.
        at: Unix time in seconds.
        message: every problem and what became of the policies, for a log or a terminal.
    """

    result: Result
    at: float
    message: str


def outcome(old: Snapshot, new: Snapshot) -> ReloadResult:
    """Sum up a reload: what is wrong, what changed, and what stays in force."""
    changed = new.refs ^ old.refs
    result: Result = "loaded"
    if new.problems:
        result = "partial" if changed else "failed"
    lines = [str(problem) for problem in (*new.problems, *new.warnings)]
    lines.append(" ".join([*_counted(new), *_change(old, new)]))
    return ReloadResult(result, new.loaded_at, "\n".join(lines))


def _counted(new: Snapshot) -> list[str]:
    if not new.problems:
        return []
    count = f"{len(new.problems)} problem{'s' if len(new.problems) > 1 else ''};"
    return [count]


def _change(old: Snapshot, new: Snapshot) -> list[str]:
    added, removed = sorted(new.refs - old.refs), sorted(old.refs - new.refs)
    if not added and not removed:
        sentences = ["nothing was changed." if new.problems else "Nothing was changed."]
    else:
        parts = [f"now in force: {', '.join(added)}"] if added else []
        parts += [f"retired: {', '.join(removed)}"] if removed else []
        text = "; ".join(parts) + "."
        sentences = [text if new.problems else text[0].upper() + text[1:]]
    kept = sorted(old.refs & new.refs)
    if kept:
        word, verb = ("Policy", "stays") if len(kept) == 1 else ("Policies", "stay")
        sentences.append(f"{word} {', '.join(kept)} {verb} in force.")
    elif not new.policies:
        sentences.append("No policy is in force: requests pass through unchanged.")
    return sentences
