"""The policies in force at one moment: a request sees one snapshot from start to end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from proxy.domain import PolicyRef
from proxy.errors import Problem
from proxy.policy.rollout import Entry, Reading, Step, decisions
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
        decided: version in force → the step that decides its share, instead of its file.
    """

    policies: tuple[Policy, ...] = ()
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    loaded_at: float = 0.0
    number: int = 0
    files: Mapping[str, str] = field(default_factory=dict)
    decided: Mapping[PolicyRef, Entry] = field(default_factory=dict)

    def find(self, name: str) -> Policy | None:
        """Return the policy of that name, if it is in force."""
        return next((policy for policy in self.policies if policy.name == name), None)

    @property
    def refs(self) -> frozenset[str]:
        """The identities in force, ``name@sha``."""
        return frozenset(str(policy.ref) for policy in self.policies)

    def share(self, policy: Policy) -> float:
        """The part of matching conversations that get a policy: as decided, else its own."""
        if decision := self.decided.get(policy.ref):
            return 1.0 if decision.step == "promote" else 0.0
        return 1.0 if policy.rollout is None else policy.rollout.share

    def says_the_same_as(self, other: Snapshot) -> bool:
        """Whether the two differ in number and time alone."""
        return (
            self.policies == other.policies
            and self.problems == other.problems
            and self.warnings == other.warnings
            and dict(self.files) == dict(other.files)
            and dict(self.decided) == dict(other.decided)
        )


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


def with_decisions(before: Snapshot, files: Snapshot, journal: Reading, *, now: float) -> Snapshot:
    """Return what the folder says together with what was decided beside it.

    Args:
        before: what was in force; it stays the same object where nothing changes.
        files: what the folder says.
        journal: the steps of rollouts.
        now: Unix time in seconds.
    """
    known = {policy.ref for policy in files.policies}
    decided = {ref: step for ref, step in decisions(journal.entries).items() if ref in known}
    problems = (*files.problems, *journal.problems)
    new = replace(
        files, problems=problems, decided=decided, loaded_at=now, number=before.number + 1
    )
    return before if new.says_the_same_as(before) else new


def steps_between(old: Snapshot, new: Snapshot) -> Iterator[tuple[Step, PolicyRef, Entry | None]]:
    """Yield what was decided of versions that were and are in force: step, version, its entry."""
    for ref in {policy.ref for policy in old.policies} & {policy.ref for policy in new.policies}:
        now = new.decided.get(ref)
        if now != old.decided.get(ref):
            yield ("retry" if now is None else now.step), ref, now


def outcome(old: Snapshot, new: Snapshot) -> ReloadResult:
    """Sum up a reload: what is wrong, what changed, and what stays in force."""
    changed = new.refs ^ old.refs or dict(new.decided) != dict(old.decided)
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
    decided = sorted(_decided(old, new))
    if not added and not removed and not decided:
        sentences = ["nothing was changed." if new.problems else "Nothing was changed."]
    else:
        parts = [f"now in force: {', '.join(added)}"] if added else []
        parts += [f"retired: {', '.join(removed)}"] if removed else []
        parts += decided
        text = "; ".join(parts) + "."
        sentences = [text if new.problems else text[0].upper() + text[1:]]
    out = {str(ref) for ref, entry in new.decided.items() if entry.step == "rollback"}
    kept = sorted((old.refs & new.refs) - out)
    if kept:
        word, verb = ("Policy", "stays") if len(kept) == 1 else ("Policies", "stay")
        sentences.append(f"{word} {', '.join(kept)} {verb} in force.")
    elif not new.policies:
        sentences.append("No policy is in force: requests pass through unchanged.")
    return sentences


def _decided(old: Snapshot, new: Snapshot) -> Iterator[str]:
    for ref, entry in new.decided.items():
        if entry != old.decided.get(ref):
            yield f"{'promoted' if entry.step == 'promote' else 'rolled back'}: {ref}"
    for ref in old.decided.keys() - new.decided.keys():
        if str(ref) in new.refs:
            yield f"left to its file again: {ref}"
