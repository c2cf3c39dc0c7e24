"""`guardtune policy promote|rollback|retry|history` as a person types them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from proxy.policy.command import main
from proxy.policy.journal import JOURNAL_NAME
from proxy.policy.rollout import Entry
from proxy.policy.store import PolicyStore


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a canary and a stable policy, run by ada."""
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    (tmp_path / "base.yaml").write_text("schema: 1\nname: base\n")
    (tmp_path / "canary.yaml").write_text(
        "schema: 1\nname: canary\nmatch: {priority: 5}\nrollout: {share: 0.1}\n"
    )
    return tmp_path


def _entries(folder: Path) -> list[Entry]:
    lines = (folder / JOURNAL_NAME).read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Entry) for line in lines]


def _share(folder: Path, name: str) -> float:
    snapshot = PolicyStore(folder).reload()
    policy = snapshot.find(name)
    assert policy is not None
    return snapshot.share(policy)


def test_promote_and_rollback_change_the_share_and_leave_the_file_alone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file belongs to its author; the decision stands beside it."""
    text = (folder / "canary.yaml").read_bytes()
    for command, share in (("promote", 1.0), ("rollback", 0.0), ("retry", 0.1)):
        assert main([command, "canary", "--policies", str(folder)]) == 0
        assert _share(folder, "canary") == share
    assert (folder / "canary.yaml").read_bytes() == text
    said = capsys.readouterr().out
    assert "To undo it: guardtune policy rollback canary" in said


def test_stable_policy_can_be_rolled_back_too(folder: Path) -> None:
    """The quickest way to take a policy out."""
    assert main(["rollback", "base", "--policies", str(folder)]) == 0
    assert _share(folder, "base") == 0.0


@pytest.mark.parametrize(("command", "name"), [("promote", "base"), ("retry", "canary")])
def test_step_that_changes_nothing_is_not_written(
    folder: Path, capsys: pytest.CaptureFixture[str], command: str, name: str
) -> None:
    """And is no error."""
    assert main([command, name, "--policies", str(folder)]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert not (folder / JOURNAL_NAME).exists()


def test_shadow_can_be_rolled_back(folder: Path) -> None:
    """It is given to nobody already, but measured, and could be promoted."""
    shadow = "schema: 1\nname: canary\nmatch: {priority: 5}\nrollout: {share: 0}\n"
    (folder / "canary.yaml").write_text(shadow)
    for _ in range(2):
        assert main(["rollback", "canary", "--policies", str(folder)]) == 0
    assert [entry.step for entry in _entries(folder)] == ["rollback"]


def test_second_rollback_is_not_written(folder: Path) -> None:
    """A script may say it twice."""
    for _ in range(2):
        assert main(["rollback", "canary", "--policies", str(folder)]) == 0
    assert len(_entries(folder)) == 1


def test_entry_says_who_what_and_why(folder: Path) -> None:
    """So that somebody else understands it in a year."""
    assert main(["rollback", "canary", "--why", "complaints", "--policies", str(folder)]) == 0
    (entry,) = _entries(folder)
    assert (entry.who, entry.step, entry.why) == ("cli:ada", "rollback", "complaints")
    policy = PolicyStore(folder).reload().find("canary")
    assert policy is not None
    assert entry.ref == policy.ref


def test_user_without_a_name_is_a_number(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in containers."""

    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", nameless)
    monkeypatch.setattr("os.getuid", lambda: 4711)
    assert main(["rollback", "canary", "--policies", str(folder)]) == 0
    assert _entries(folder)[0].who == "cli:4711"


def test_unknown_name_is_told_with_what_may_be_meant(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A typo must not pass for a rollback."""
    assert main(["rollback", "canari", "--policies", str(folder)]) == 2
    assert "Did you mean `canary`?" in capsys.readouterr().err


def test_file_with_mistakes_is_told_with_them(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is no telling which version was meant."""
    (folder / "canary.yaml").write_text("schema: 1\nname: canary\nrollout: {share: 7}\n")
    assert main(["rollback", "canary", "--policies", str(folder)]) == 2
    said = capsys.readouterr().err
    assert "rollout.share: 7 is above the maximum" in said
    assert "There is: base." in said


def test_version_whose_file_broke_is_taken_back_all_the_same(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A running server still has it in force: that is when it is needed."""
    server = PolicyStore(folder)
    in_force = server.reload().find("canary")
    assert in_force is not None
    (folder / "canary.yaml").write_text("schema: 1\nname: canary\nrollout: {share: 7}\n")
    server.reload()
    assert main(["rollback", str(in_force.ref), "--policies", str(folder)]) == 0
    said = capsys.readouterr()
    assert "rollout.share: 7 is above the maximum" in said.err
    assert "no good file has that name" in said.out
    snapshot = server.reload()
    assert snapshot.find("canary") == in_force
    assert snapshot.share(in_force) == 0.0
    for command, share in (("retry", 0.1), ("promote", 1.0), ("rollback", 0.0)):
        assert main([command, "canary", "--policies", str(folder)]) == 0
        assert "its newest version in the journal" in capsys.readouterr().out
        assert server.reload().share(in_force) == share
    assert main(["rollback", "canary", "--policies", str(folder)]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert main(["history", str(in_force.ref), "--policies", str(folder)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_version_whose_file_is_gone_has_a_history_and_can_be_left_to_its_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Should it come again."""
    assert main(["rollback", "canary", "--policies", str(folder)]) == 0
    (folder / "canary.yaml").unlink()
    capsys.readouterr()
    assert main(["history", "canary", "--policies", str(folder)]) == 0
    assert "rollback  canary@" in capsys.readouterr().out
    assert main(["retry", "canary", "--policies", str(folder)]) == 0
    assert [entry.step for entry in _entries(folder)] == ["rollback", "retry"]


def test_folder_comes_from_the_environment_as_for_the_server(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One variable for both."""
    monkeypatch.setenv("GUARDTUNE_POLICIES", str(folder))
    assert main(["rollback", "canary"]) == 0
    assert _share(folder, "canary") == 0.0


def test_journal_elsewhere_is_written_where_it_is(folder: Path) -> None:
    """For a folder that cannot be written."""
    journal = folder / "elsewhere.jsonl"
    arguments = ["--policies", str(folder), "--journal", str(journal)]
    assert main(["rollback", "canary", *arguments]) == 0
    assert journal.exists()
    assert not (folder / JOURNAL_NAME).exists()


def test_unwritable_journal_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Said on stderr, with exit code 1."""
    (folder / JOURNAL_NAME).mkdir()
    assert main(["rollback", "canary", "--policies", str(folder)]) == 1
    assert "nothing was decided" in capsys.readouterr().err


def test_history_prints_every_step_oldest_first(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """When, who, what, which version, why; or the lines as they are."""
    for command, name in (("rollback", "base"), ("promote", "canary")):
        main([command, name, "--policies", str(folder)])
    capsys.readouterr()
    assert main(["history", "--policies", str(folder)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert "cli:ada       rollback  base@" in first
    assert "cli:ada       promote   canary@" in second
    assert main(["history", "canary", "--json", "--policies", str(folder)]) == 0
    (only,) = capsys.readouterr().out.splitlines()
    assert msgspec.json.decode(only, type=Entry).policy == "canary"


def test_history_of_a_broken_journal_prints_the_rest(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And fails, so that somebody looks."""
    main(["rollback", "canary", "--policies", str(folder)])
    with (folder / JOURNAL_NAME).open("ab") as file:
        file.write(b"garbage\n")
    capsys.readouterr()
    assert main(["history", "--policies", str(folder)]) == 1
    said = capsys.readouterr()
    assert "rollback  canary@" in said.out
    assert ":2: is no step of a rollout" in said.err
