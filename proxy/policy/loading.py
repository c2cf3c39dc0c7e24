"""From one reading of the policy folder to the next snapshot: what is kept, taken and refused.

Pure but for the texts that ``file:`` names. The rules: a broken file keeps its last good version, a
deleted file retires its policy, a folder that cannot be looked into does not, an empty folder or a
name given twice changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from proxy.errors import PolicyError, Problem
from proxy.policy.files import UnreadableError
from proxy.policy.folder import Scan
from proxy.policy.match import ties
from proxy.policy.schema import Policy
from proxy.policy.snapshot import Snapshot
from proxy.policy.source import load_policy


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """One policy file.

    Args:
        content: its bytes as last read, or why they could not be.
        texts: hash of the texts it may refer to.
        policy: its last good version, if it ever had one.
        problems: what is wrong with it now; empty if ``policy`` is what it says now.
    """

    content: bytes | UnreadableError
    texts: str
    policy: Policy | None
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class State:
    """What the store knows; one assignment replaces it.

    Args:
        snapshot: what requests see.
        files: what is known of each file, for the next reload.
        digest: hash of the folder as last read; empty before the first reload.
    """

    snapshot: Snapshot = field(default_factory=Snapshot)
    files: Mapping[Path, LoadedFile] = field(default_factory=dict)
    digest: str = ""


def advance(state: State, scan: Scan, *, folder: Path, now: float) -> State:
    """Return the state after a reading of the folder.

    The snapshot stays the same object when neither its policies nor its problems change.

    Args:
        state: before.
        scan: what was read.
        folder: where, for messages and as the limit of ``file:``.
        now: Unix time in seconds.
    """
    if scan.digest == state.digest:
        return state
    if not scan.policies:
        nothing = tuple(_nothing_there(scan, folder, has_policies=bool(state.snapshot.policies)))
        return State(_kept(state.snapshot, nothing, now), state.files, scan.digest)
    files = {path: _load(path, scan, state.files.get(path), folder) for path in scan.policies}
    files |= _out_of_sight(state.files, scan)
    problems = (
        *(problem for file in files.values() for problem in file.problems),
        *(Problem(str(path), str(why)) for path, why in scan.unseen.items()),
    )
    if duplicates := tuple(_duplicates(files)):
        return State(_kept(state.snapshot, (*problems, *duplicates), now), state.files, scan.digest)
    return State(_taken(state.snapshot, files, problems, now), files, scan.digest)


def tie_warnings(sources: Mapping[Policy, str]) -> tuple[Problem, ...]:
    """Return a warning for each pair of policies that only their names put in order.

    Args:
        sources: policy → its file.
    """
    return tuple(
        Problem(
            sources[second],
            f"ties with `{first.name}` ({sources[first]}), which wins by its name only. "
            "Give one of them another priority.",
            path="match.priority",
        )
        for first, second in ties(tuple(sources))
    )


def duplicate_problems(sources: Iterable[tuple[Policy, str]]) -> tuple[Problem, ...]:
    """Return a problem for each file whose policy has the name of an earlier file's.

    Args:
        sources: policies with their files, in the files' order.
    """
    by_name: dict[str, list[str]] = defaultdict(list)
    for policy, file in sources:
        by_name[policy.name].append(file)
    return tuple(
        Problem(file, f"`{name}` is also the name in {files[0]}. Rename one of them.", path="name")
        for name, files in by_name.items()
        for file in files[1:]
    )


def _load(path: Path, scan: Scan, before: LoadedFile | None, folder: Path) -> LoadedFile:
    content = scan.policies[path]
    if before is not None and (before.content, before.texts) == (content, scan.texts):
        return before
    last_good = before.policy if before else None
    if isinstance(content, UnreadableError):
        problem = Problem(str(path), str(content), content.line)
        return LoadedFile(content, scan.texts, last_good, (problem,))
    try:
        policy = load_policy(path, root=folder, text=content)
    except PolicyError as error:
        return LoadedFile(content, scan.texts, last_good, error.problems)
    return LoadedFile(content, scan.texts, policy, ())


def _out_of_sight(known: Mapping[Path, LoadedFile], scan: Scan) -> dict[Path, LoadedFile]:
    """Return the files that were below what cannot be looked into now, as last read."""
    kept = {}
    for path, file in known.items():
        above = next((folder for folder in path.parents if folder in scan.unseen), None)
        if above is not None and path not in scan.policies:
            why = UnreadableError(f"is out of sight: {above} {scan.unseen[above]}")
            kept[path] = LoadedFile(why, scan.texts, file.policy, (Problem(str(path), str(why)),))
    return kept


def _duplicates(files: Mapping[Path, LoadedFile]) -> tuple[Problem, ...]:
    """Return duplicates among what the files say now; a broken file's old version just yields."""
    return duplicate_problems(
        (file.policy, str(path))
        for path, file in files.items()
        if file.policy and not file.problems
    )


def _in_force(files: Mapping[Path, LoadedFile]) -> dict[Policy, str]:
    chosen: dict[str, tuple[Policy, str]] = {}
    for path, file in sorted(files.items(), key=lambda item: bool(item[1].problems)):
        if file.policy is not None:
            chosen.setdefault(file.policy.name, (file.policy, str(path)))
    return dict(chosen[name] for name in sorted(chosen))


def _taken(
    old: Snapshot, files: Mapping[Path, LoadedFile], problems: tuple[Problem, ...], now: float
) -> Snapshot:
    sources = _in_force(files)
    new = Snapshot(
        policies=tuple(sources),
        problems=problems,
        warnings=tie_warnings(sources),
        loaded_at=now,
        number=old.number + 1,
        files={policy.name: file for policy, file in sources.items()},
    )
    return old if new.says_the_same_as(old) else new


def _kept(old: Snapshot, problems: tuple[Problem, ...], now: float) -> Snapshot:
    new = Snapshot(old.policies, problems, old.warnings, now, old.number + 1, old.files)
    return old if new.says_the_same_as(old) else new


def _nothing_there(scan: Scan, folder: Path, *, has_policies: bool) -> Iterator[Problem]:
    what = "no policy file (*.yaml) in this folder." if scan.exists else "no such folder."
    kept = " The policies loaded before stay in force." if has_policies else ""
    for path, why in scan.unseen.items():
        yield Problem(str(path), f"{why}{kept}")
    if not scan.unseen:
        remedy = "Put a policy file there, or see `guardtune serve --policies`."
        yield Problem(str(folder), f"{what}{kept} {remedy}")
