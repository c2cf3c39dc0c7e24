"""Exported files are whole or not there, and an export can be undone."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.errors import StoreError
from proxy.policy.folder import visible_files
from proxy.policy.schema import Policy
from proxy.policy.source import load_policy
from tuner import policy_file
from tuner.policy_file import last_exported, undo, write_policy

OLD, NEW, NEWER = (
    Policy.model_validate({"schema": 1, "name": "tuned", "description": said})
    for said in ("old", "new", "newer")
)


def test_a_policy_is_written_readable_for_the_proxy(tmp_path: Path) -> None:
    """In a folder that is made, by any user; and nothing else is to be seen there."""
    path = write_policy(NEW, tmp_path / "a" / "b")
    assert load_policy(path, root=path.parent).ref == NEW.ref
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(visible_files(path.parent)) == [path]


def test_the_old_file_stays_whole_until_the_new_one_is(tmp_path: Path) -> None:
    """A policy that cannot be written changes nothing."""
    path = write_policy(OLD, tmp_path)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(Exception, match="serialize"):
        write_policy(NEW.model_copy(update={"description": object()}), tmp_path)
    assert sorted(tmp_path.iterdir()) == before
    assert "old" in path.read_text()


def test_undo_brings_back_what_was_there_to_the_byte(tmp_path: Path) -> None:
    """Comments of a hand-written file included; and only once."""
    path = tmp_path / "tuned.yaml"
    path.write_text("# mine\nschema: 1\nname: tuned\n")
    write_policy(NEW, tmp_path)
    assert undo(path) == f"{path} is again what it was before the export."
    assert path.read_text() == "# mine\nschema: 1\nname: tuned\n"
    with pytest.raises(StoreError, match="no export to undo"):
        undo(path)
    assert list(tmp_path.iterdir()) == [path]


def test_undo_removes_what_was_not_there(tmp_path: Path) -> None:
    """The first export of a name."""
    path = write_policy(NEW, tmp_path)
    assert "is removed" in undo(path)
    assert list(tmp_path.iterdir()) == []


def test_undo_goes_back_one_export_at_a_time(tmp_path: Path) -> None:
    """To the user's own bytes in the end; writing the same again is no export."""
    path = tmp_path / "tuned.yaml"
    path.write_text("# mine\nschema: 1\nname: tuned\n")
    for policy in (OLD, NEW, NEWER, NEWER):
        write_policy(policy, tmp_path)
    for policy in (NEW, OLD):
        undo(path)
        assert load_policy(path, root=tmp_path).ref == policy.ref
    undo(path)
    assert path.read_text().startswith("# mine")
    assert list(tmp_path.iterdir()) == [path]


def test_the_tenth_export_is_undone_before_the_ninth(tmp_path: Path) -> None:
    """Numbers are no words."""
    path = tmp_path / "tuned.yaml"
    for _ in range(6):
        write_policy(OLD, tmp_path)
        write_policy(NEW, tmp_path)
    undo(path)
    assert load_policy(path, root=tmp_path).ref == OLD.ref


def test_an_empty_file_comes_back_as_one(tmp_path: Path) -> None:
    """It was there, so it is not removed."""
    path = tmp_path / "tuned.yaml"
    path.touch()
    write_policy(NEW, tmp_path)
    undo(path)
    assert path.read_bytes() == b""


def test_a_file_keeps_its_mode(tmp_path: Path) -> None:
    """A private policy stays private, there and back."""
    path = tmp_path / "tuned.yaml"
    path.write_text("schema: 1\nname: tuned\n")
    path.chmod(0o600)
    write_policy(NEW, tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    undo(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_symlink_stays_one(tmp_path: Path) -> None:
    """What it leads to is replaced, and comes back."""
    real = tmp_path / "kept-elsewhere" / "policy.yaml"
    real.parent.mkdir()
    real.write_text("schema: 1\nname: tuned\n")
    folder = tmp_path / "policies"
    folder.mkdir()
    link = folder / "tuned.yaml"
    link.symlink_to(real)
    write_policy(NEW, folder)
    assert link.is_symlink()
    assert "new" in real.read_text()
    undo(link)
    assert link.is_symlink()
    assert real.read_text() == "schema: 1\nname: tuned\n"
    assert [one.name for one in folder.iterdir()] == ["tuned.yaml"]


def test_the_policy_that_was_exported_last_is_found(tmp_path: Path) -> None:
    """Among those that a run may have written; none where nothing was."""
    paths = [tmp_path / "tuned.yaml", tmp_path / "tuned-shadow.yaml"]
    assert last_exported(paths) is None
    shadow = NEW.model_copy(update={"name": "tuned-shadow"})
    write_policy(NEW, tmp_path)
    write_policy(shadow, tmp_path)
    assert last_exported(paths) == paths[1]
    undo(paths[1])
    assert last_exported(paths) == paths[0]


def test_undo_does_not_overwrite_an_edit(tmp_path: Path) -> None:
    """What was undone by hand is undone."""
    path = write_policy(NEW, tmp_path)
    path.write_text(path.read_text() + "# edited\n")
    with pytest.raises(StoreError, match="not what was exported any more"):
        undo(path)
    path.unlink()
    with pytest.raises(StoreError, match="no export to undo"):
        undo(path)
    assert list(tmp_path.iterdir()) == []


def test_an_export_cut_off_in_the_middle_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fills up between the two files."""
    path = write_policy(OLD, tmp_path)
    replace = policy_file._replace

    def fails_late(target: Path, content: bytes) -> None:
        if target == path:
            raise OSError(28, "No space left on device")
        replace(target, content)

    monkeypatch.setattr(policy_file, "_replace", fails_late)
    with pytest.raises(StoreError, match="No space left"):
        write_policy(NEW, tmp_path)
    assert load_policy(path, root=tmp_path).ref == OLD.ref
    assert "is removed" in undo(path)


def test_a_folder_that_cannot_be_written_is_a_store_error(tmp_path: Path) -> None:
    """A file stands in its place."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        write_policy(NEW, tmp_path / "file")
