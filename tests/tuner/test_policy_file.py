"""Exported files are whole or not there, and an export can be undone."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.errors import StoreError
from proxy.policy.folder import visible_files
from proxy.policy.schema import Policy
from proxy.policy.source import load_policy
from tuner import policy_file
from tuner.policy_file import undo, write_policy

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


def test_undo_goes_back_one_export(tmp_path: Path) -> None:
    """Writing the same again is no export."""
    path = write_policy(OLD, tmp_path)
    for policy in (NEW, NEWER, NEWER):
        write_policy(policy, tmp_path)
    undo(path)
    assert load_policy(path, root=tmp_path).ref == NEW.ref


def test_undo_does_not_overwrite_an_edit(tmp_path: Path) -> None:
    """Nor bring back a file that somebody removed."""
    path = write_policy(NEW, tmp_path)
    path.write_text(path.read_text() + "# edited\n")
    with pytest.raises(StoreError, match="not what was exported any more"):
        undo(path)
    path.unlink()
    with pytest.raises(StoreError, match="not what was exported any more"):
        undo(path)


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


def test_a_folder_that_cannot_be_written_is_a_store_error(tmp_path: Path) -> None:
    """A file stands in its place."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        write_policy(NEW, tmp_path / "file")
