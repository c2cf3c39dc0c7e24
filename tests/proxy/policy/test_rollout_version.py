"""Which version is meant: by the folder, by the journal, or by its hash."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.domain import PolicyRef
from proxy.errors import PolicyError, Problem
from proxy.policy.rollout import Entry
from proxy.policy.rollout_version import Version, find_version
from proxy.policy.schema import Policy
from proxy.policy.snapshot import Snapshot
from tests.proxy.policy.rollout_steps import step

FOLDER = Path("policies")
NOW = Policy.model_validate({"schema": 1, "name": "canary"})
BEFORE = Policy.model_validate({"schema": 1, "name": "canary", "description": "first"})
FIRST = Policy.model_validate({"schema": 1, "name": "canary", "description": "very first"})
GOOD = Snapshot(policies=(NOW,))
BROKEN = Snapshot(problems=(Problem("policies/canary.yaml", "is broken."),))


def _find(asked: str, snapshot: Snapshot, *entries: Entry) -> Version:
    return find_version(asked, snapshot=snapshot, entries=entries, folder=FOLDER)


@pytest.mark.parametrize("asked", ["canary", f"canary@{NOW.sha}"])
def test_good_file_says_it(asked: str) -> None:
    """Whatever the journal knows besides."""
    assert _find(asked, GOOD, step("rollback", BEFORE)) == Version(NOW.ref, NOW)


def test_journal_says_it_where_no_file_does() -> None:
    """The newest version that it knows, with the others and how to name one."""
    found = _find("canary", BROKEN, step("hold", FIRST), step("hold", BEFORE))
    assert (found.ref, found.policy) == (BEFORE.ref, None)
    assert f"It also knows {FIRST.ref}" in found.note
    assert "canary@SHA" in found.note


def test_version_that_is_named_is_taken_whatever_the_file_says() -> None:
    """It may be in force on a server, and it is said what the file says instead."""
    found = _find(f"canary@{BEFORE.sha}", GOOD, step("hold", BEFORE))
    assert (found.ref, found.policy) == (BEFORE.ref, None)
    assert f"the file says {NOW.ref}" in found.note
    assert "no step of it" not in found.note


def test_version_that_nobody_here_knows_is_taken_with_a_word() -> None:
    """A server may have it; a wrong hash would do nothing."""
    found = _find("canary@0123456789ab", BROKEN)
    assert found.ref == PolicyRef("canary", "0123456789ab")
    assert "the journal has no step of it" in found.note


@pytest.mark.parametrize("asked", ["canary@", "canary@123", "canary@0123456789AB", "@"])
def test_what_is_no_hash_is_told(asked: str) -> None:
    """A typo must not pass for a rollback."""
    with pytest.raises(PolicyError, match="is no version"):
        _find(asked, GOOD)


def test_name_that_nobody_knows_is_told_with_what_is_wrong_in_the_folder() -> None:
    """And with what may be meant, of the journal, too."""
    with pytest.raises(PolicyError, match="is broken") as caught:
        _find("canari", BROKEN, step("hold", BEFORE))
    assert "Did you mean `canary`?" in str(caught.value)
    assert "NAME@SHA" in str(caught.value)
    with pytest.raises(PolicyError, match="There is: none"):
        _find("canary", Snapshot())
