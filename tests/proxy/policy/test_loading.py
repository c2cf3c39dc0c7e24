"""From one reading of the folder to the next snapshot, without a folder."""

from __future__ import annotations

from pathlib import Path

from proxy.policy.files import UnreadableError
from proxy.policy.folder import Scan
from proxy.policy.loading import State, advance, duplicate_problems, tie_warnings
from tests.proxy.policy.policy_examples import make_policy

FOLDER = Path("policies")
Content = bytes | UnreadableError


def policy(name: str, temperature: float = 0.5, priority: int = 0) -> bytes:
    """A policy file's content."""
    return (
        f"schema: 1\nname: {name}\nmatch: {{priority: {priority}}}\n"
        f"decoding: {{temperature: {temperature}}}\n"
    ).encode()


def read(*, exists: bool = True, texts: str = "", **files: Content) -> Scan:
    """A reading of a folder with these files."""
    contents = {FOLDER / f"{name}.yaml": content for name, content in files.items()}
    digest = repr((exists, texts, sorted((str(k), str(v)) for k, v in contents.items())))
    return Scan(exists, contents, texts, digest)


def after(*scans: Scan) -> State:
    """The state after several readings, at the times 1, 2, …."""
    state = State()
    for now, scan in enumerate(scans, start=1):
        state = advance(state, scan, folder=FOLDER, now=float(now))
    return state


def in_force(state: State) -> dict[str, float]:
    """Policy name → its temperature."""
    return {
        policy.name: rule.value for policy in state.snapshot.policies for _, rule in policy.decoding
    }


def test_the_policies_of_all_files_are_in_force() -> None:
    """With their files, in order of name."""
    snapshot = after(read(z=policy("a"), y=policy("b", 0.7, priority=1))).snapshot
    assert [p.name for p in snapshot.policies] == ["a", "b"]
    assert snapshot.files == {"a": "policies/z.yaml", "b": "policies/y.yaml"}
    assert (snapshot.problems, snapshot.number, snapshot.loaded_at) == ((), 1, 1.0)


def test_a_broken_file_keeps_its_last_good_version_and_the_others_go_on() -> None:
    """The old one of the broken, the new one of the other."""
    first = read(a=policy("a", 0.1), b=policy("b", 0.1, priority=1))
    state = after(first, read(a=b"schema: 1\nname", b=policy("b", 0.2, priority=1)))
    assert in_force(state) == {"a": 0.1, "b": 0.2}
    assert [problem.file for problem in state.snapshot.problems] == ["policies/a.yaml"]


def test_a_repaired_file_is_taken_and_its_problem_gone() -> None:
    """Whether it is a new version or the old one again."""
    good, broken = read(a=policy("a", 0.1)), read(a=b"name: [")
    assert after(good, broken, good).snapshot.problems == ()
    assert in_force(after(good, broken, read(a=policy("a", 0.2)))) == {"a": 0.2}


def test_an_unreadable_file_keeps_its_last_good_version() -> None:
    """In the middle of a change of links, say."""
    state = after(read(a=policy("a")), read(a=UnreadableError("no such file.")))
    assert in_force(state) == {"a": 0.5}
    assert "no such file" in str(state.snapshot.problems[0])


def test_a_deleted_file_retires_its_policy() -> None:
    """While another is left."""
    state = after(read(a=policy("a"), b=policy("b", priority=1)), read(b=policy("b", priority=1)))
    assert list(in_force(state)) == ["b"]


def test_a_renamed_policy_retires_the_old_name() -> None:
    """The file says what is in force."""
    assert list(in_force(after(read(a=policy("a")), read(a=policy("b"))))) == ["b"]


def test_an_empty_or_vanished_folder_keeps_everything_and_is_a_problem() -> None:
    """A volume that is gone for a moment must not switch the guard off."""
    for gone in (read(), read(exists=False)):
        state = after(read(a=policy("a")), gone)
        assert in_force(state) == {"a": 0.5}
        assert "stay in force" in str(state.snapshot.problems[0])
        again = advance(state, read(a=policy("a")), folder=FOLDER, now=9.0)
        assert again.snapshot.problems == ()


def test_a_name_given_twice_keeps_the_whole_snapshot() -> None:
    """Which of the two is meant cannot be known."""
    first = read(a=policy("a", 0.1), b=policy("b", 0.1, priority=1))
    state = after(first, read(a=policy("a", 0.2), b=policy("b", 0.2), c=policy("a", 0.3)))
    assert in_force(state) == {"a": 0.1, "b": 0.1}
    assert str(state.snapshot.problems[0]) == (
        "policies/c.yaml: name: `a` is also the name in policies/a.yaml. Rename one of them."
    )


def test_a_conflict_that_is_resolved_is_forgotten() -> None:
    """The files are then read as they are."""
    conflict = read(a=policy("a", 0.2), c=policy("a", 0.3))
    state = after(read(a=policy("a", 0.1)), conflict, read(a=policy("a", 0.2)))
    assert in_force(state) == {"a": 0.2}
    assert state.snapshot.problems == ()


def test_a_conflict_at_the_first_start_leaves_nothing_in_force() -> None:
    """There is no earlier snapshot to keep."""
    state = after(read(a=policy("a"), b=policy("a")))
    assert state.snapshot.policies == ()
    assert len(state.snapshot.problems) == 1


def test_a_good_file_takes_the_name_of_a_broken_one() -> None:
    """A policy moved to another file while the old one is half written is no conflict."""
    state = after(read(a=policy("x", 0.1)), read(a=b"name: [", b=policy("x", 0.2)))
    assert in_force(state) == {"x": 0.2}
    assert len(state.snapshot.problems) == 1


def test_a_changed_text_counts_as_a_change_of_every_policy() -> None:
    """Any of them may refer to it, so all are loaded again."""
    state = after(read(texts="1", a=policy("a")))
    again = advance(state, read(texts="2", a=policy("a")), folder=FOLDER, now=2.0)
    assert again.files != state.files
    assert again.snapshot is state.snapshot


def test_an_unchanged_file_is_not_loaded_again() -> None:
    """A folder of hundreds of tuned policies reloads quickly."""
    state = after(read(a=policy("a"), b=policy("b")))
    again = advance(state, read(a=policy("a"), b=policy("b", 0.9)), folder=FOLDER, now=2.0)
    assert again.files[FOLDER / "a.yaml"] is state.files[FOLDER / "a.yaml"]


def test_the_same_reading_gives_the_same_state() -> None:
    """Polling an unchanged folder does nothing."""
    state = after(read(a=policy("a")))
    assert advance(state, read(a=policy("a")), folder=FOLDER, now=9.0) is state


def test_a_tie_is_a_warning_that_names_both_files() -> None:
    """The snapshot is taken all the same."""
    snapshot = after(read(a=policy("a"), b=policy("b"))).snapshot
    assert snapshot.problems == ()
    assert str(snapshot.warnings[0]) == (
        "policies/b.yaml: match.priority: ties with `a` (policies/a.yaml), which wins by its name "
        "only. Give one of them another priority."
    )


def test_warnings_and_duplicates_can_be_asked_for_without_a_folder() -> None:
    """`guardtune policy check` does."""
    one, two = make_policy("a"), make_policy("b")
    assert len(tie_warnings({one: "1", two: "2"})) == 1
    assert duplicate_problems([(one, "1"), (two, "2")]) == ()
    assert len(duplicate_problems([(one, "1"), (one, "2"), (one, "3")])) == 2
