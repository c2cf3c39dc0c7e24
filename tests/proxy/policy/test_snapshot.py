"""What one reload led to, and how it is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from proxy.policy.snapshot import Snapshot, outcome
from proxy.policy.store import PolicyStore
from tests.proxy.policy.policy_examples import make_policy

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
