"""What one reload led to, and how it is told."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from proxy.errors import Problem
from proxy.policy.rollout import Reading
from proxy.policy.snapshot import Snapshot, outcome, steps_between, with_decisions
from proxy.policy.store import PolicyStore
from tests.proxy.policy.policy_examples import make_policy
from tests.proxy.policy.rollout_steps import step

GOLDEN = Path(__file__).parents[2] / "golden" / "policy"


def test_a_snapshot_finds_its_policies_by_name() -> None:
    """None for a policy that is not in force."""
    policy = make_policy("a")
    snapshot = Snapshot(policies=(policy,))
    assert snapshot.find("a") is policy
    assert snapshot.find("b") is None


def test_a_reload_without_problems_says_what_changed() -> None:
    """Added, retired and kept, each by its identity."""
    kept, old, new = make_policy("kept"), make_policy("x"), make_policy("x", description="y")
    summary = outcome(Snapshot(policies=(kept, old)), Snapshot(policies=(kept, new)))
    assert summary.result == "loaded"
    assert summary.message == (
        f"Now in force: {new.ref}; retired: {old.ref}. Policy {kept.ref} stays in force."
    )


def test_the_whole_message_of_a_failed_reload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a golden file: every problem, the count, and what stays in force."""
    monkeypatch.chdir(tmp_path)
    folder = Path("policies")
    folder.mkdir()
    broken = folder / "strict.yaml"
    broken.write_text("schema: 1\nname: strict\ndecoding:\n  temperature: 0.7\n")
    store = PolicyStore(folder)
    store.reload()
    broken.write_text((GOLDEN / "style-guide-example.yaml").read_text())
    store.reload()
    assert store.last_reload is not None
    assert store.last_reload.result == "failed"
    golden = GOLDEN / "reload.txt"
    if os.environ.get("GUARDTUNE_UPDATE_GOLDEN"):
        golden.write_text(f"{store.last_reload.message}\n", encoding="utf-8")
    assert f"{store.last_reload.message}\n" == golden.read_text(encoding="utf-8")


def test_a_reload_that_takes_some_files_says_so() -> None:
    """Neither all nor nothing."""
    problems = PolicyStore(Path("nowhere")).reload().problems
    new = make_policy("new")
    summary = outcome(Snapshot(), Snapshot(policies=(new,), problems=problems))
    assert summary.result == "partial"
    assert summary.message.endswith(f"1 problem; now in force: {new.ref}.")


def test_a_store_without_any_policy_says_that_requests_pass_through() -> None:
    """Nobody should believe to be guarded."""
    summary = outcome(Snapshot(), PolicyStore(Path("nowhere")).reload())
    assert "No policy is in force: requests pass through unchanged." in summary.message


def test_share_is_the_files_own_until_something_is_decided() -> None:
    """All of it without a rollout."""
    base, canary = make_policy("base"), make_policy("canary", rollout={"share": 0.1})
    snapshot = Snapshot(policies=(base, canary))
    assert (snapshot.share(base), snapshot.share(canary)) == (1.0, 0.1)
    steps = Reading((step("rollback", base), step("promote", canary)))
    decided = with_decisions(snapshot, snapshot, steps, now=1.0)
    assert (decided.share(base), decided.share(canary)) == (0.0, 1.0)


def test_decisions_about_other_versions_change_nothing() -> None:
    """An edited policy begins anew; the snapshot is the same object."""
    old, new = make_policy("a"), make_policy("a", description="edited")
    snapshot = Snapshot(policies=(new,))
    steps = Reading((step("rollback", old), step("hold", new)))
    assert with_decisions(snapshot, snapshot, steps, now=1.0) is snapshot


def test_problems_of_the_journal_stand_beside_those_of_the_files() -> None:
    """Both are seen in one place."""
    files = Snapshot(problems=(Problem("a.yaml", "is broken."),))
    journal = Reading(problems=(Problem(".rollout.jsonl", "is broken too."),))
    after = with_decisions(files, files, journal, now=1.0)
    assert [problem.file for problem in after.problems] == ["a.yaml", ".rollout.jsonl"]
    assert after.number == 1


def test_message_says_what_was_decided() -> None:
    """Promoted, rolled back, and left to its file again."""
    one, two = make_policy("one"), make_policy("two")
    files = Snapshot(policies=(one, two))
    promoted = with_decisions(files, files, Reading((step("promote", one),)), now=1.0)
    summary = outcome(files, promoted)
    assert summary.result == "loaded"
    assert summary.message.startswith(f"Promoted: {one.ref}.")
    other = Reading((step("promote", one), step("retry", one), step("rollback", two)))
    after = with_decisions(promoted, files, other, now=2.0)
    assert outcome(promoted, after).message.startswith(
        f"Left to its file again: {one.ref}; rolled back: {two.ref}."
    )
    assert outcome(promoted, after).message.endswith(f" Policy {one.ref} stays in force.")
    found = {(kind, ref.name) for kind, ref, _ in steps_between(promoted, after)}
    assert found == {("retry", "one"), ("rollback", "two")}


def test_decision_that_comes_with_its_version_is_no_step() -> None:
    """A restart, or a file that was put back, decides nothing."""
    policy = make_policy("a")
    files = Snapshot(policies=(policy,))
    loaded = with_decisions(Snapshot(), files, Reading((step("rollback", policy),)), now=1.0)
    assert list(steps_between(Snapshot(), loaded)) == []
    assert "Rolled back" not in outcome(Snapshot(), loaded).message
    assert f"rolled back: {policy.ref}" in outcome(Snapshot(), loaded).message


def test_decisions_cross_to_other_processes_with_the_snapshot() -> None:
    """Workers are told what is in force, and must not see the file's own share."""
    policy = make_policy("a", rollout={"share": 0.5})
    snapshot = Snapshot(policies=(policy,), decided={policy.ref: step("rollback", policy)})
    told: Snapshot = pickle.loads(pickle.dumps(snapshot))
    assert told.share(told.policies[0]) == 0.0
