"""The policy folder as read at one moment."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from proxy.policy.files import MAX_BYTES, UnreadableError
from proxy.policy.folder import policy_files, scan


def names(folder: Path) -> list[str]:
    """The policy files of a folder, relative to it."""
    return [str(path.relative_to(folder)) for path in policy_files(folder)]


def test_policy_files_are_found_in_every_folder_below(tmp_path: Path) -> None:
    """In a fixed order; what is no YAML and what begins with a dot is passed over."""
    for name in (
        "b.yaml",
        "a.yml",
        "tuned/c.YAML",
        "README.md",
        "schema.json",
        ".d.yaml",
        ".e/f.yaml",
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    assert names(tmp_path) == ["a.yml", "b.yaml", "tuned/c.YAML"]


def test_a_config_map_shows_each_policy_once(tmp_path: Path) -> None:
    """Kubernetes links every file through `..data` into a folder of the moment."""
    moment = tmp_path / "..2026_11_28"
    (moment / "tuned").mkdir(parents=True)
    (moment / "a.yaml").write_text("x")
    (moment / "tuned" / "b.yaml").write_text("x")
    (tmp_path / "..data").symlink_to(moment.name)
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    (tmp_path / "tuned").symlink_to("..data/tuned")
    assert names(tmp_path) == ["a.yaml", "tuned/b.yaml"]


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    """Each folder is read once."""
    (tmp_path / "a.yaml").write_text("x")
    (tmp_path / "self").symlink_to(".")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "up").symlink_to("..")
    assert names(tmp_path) == ["a.yaml"]


def _edit(folder: Path) -> None:
    (folder / "a.yaml").write_text("y")


def _edit_text(folder: Path) -> None:
    (folder / "prompt.md").write_text("y")


def _delete(folder: Path) -> None:
    (folder / "a.yaml").unlink()


def _add(folder: Path) -> None:
    (folder / "b.yaml").write_text("x")


def _rename(folder: Path) -> None:
    (folder / "a.yaml").rename(folder / "c.yaml")


def _grow(folder: Path) -> None:
    (folder / "prompt.md").write_bytes(b"x" * (MAX_BYTES + 1))


@pytest.mark.parametrize("change", [_edit, _edit_text, _delete, _add, _rename, _grow])
def test_every_change_that_counts_changes_the_digest(
    change: Callable[[Path], None], tmp_path: Path
) -> None:
    """By content, whatever times and sizes say."""
    (tmp_path / "a.yaml").write_text("x")
    (tmp_path / "prompt.md").write_text("x")
    before = scan(tmp_path)
    assert scan(tmp_path).digest == before.digest
    change(tmp_path)
    os.utime(tmp_path, (0, 0))
    assert scan(tmp_path).digest != before.digest


def test_touching_a_file_changes_nothing(tmp_path: Path) -> None:
    """The same content is the same policy."""
    (tmp_path / "a.yaml").write_text("x")
    before = scan(tmp_path).digest
    os.utime(tmp_path / "a.yaml", (0, 0))
    (tmp_path / ".a.yaml.swp").write_text("half")
    assert scan(tmp_path).digest == before


def test_a_missing_folder_is_not_an_empty_one(tmp_path: Path) -> None:
    """They are told apart in the message."""
    assert not scan(tmp_path / "none").exists
    assert scan(tmp_path).exists
    assert scan(tmp_path).digest != scan(tmp_path / "none").digest


def test_folders_that_cannot_be_looked_into_are_told_from_those_that_are_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their files are not deleted; a change of either is a change of the whole."""
    (tmp_path / "a.yaml").write_text("x")
    (tmp_path / "team").mkdir()
    (tmp_path / "gone").symlink_to("nowhere")
    before = scan(tmp_path)
    assert list(before.unseen) == [tmp_path / "gone"]
    list_it = os.scandir

    def refuse(path: str) -> object:
        if Path(path) == tmp_path / "team":
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return list_it(path)

    monkeypatch.setattr(os, "scandir", refuse)
    after = scan(tmp_path)
    assert list(after.unseen) == [tmp_path / "gone", tmp_path / "team"]
    assert "cannot be listed (permission denied)" in str(after.unseen[tmp_path / "team"])
    assert after.digest != before.digest


def test_a_folder_whose_status_cannot_be_had_is_not_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stale mount below the folder, and the folder itself on one."""
    (tmp_path / "team").mkdir()
    ask = Path.stat
    stale = {tmp_path / "team"}

    def stat(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if path in stale:
            raise OSError(errno.ESTALE, "Stale file handle", str(path))
        return ask(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", stat)
    assert list(scan(tmp_path).unseen) == [tmp_path / "team"]
    stale.add(tmp_path)
    assert scan(tmp_path).exists


def test_a_file_that_cannot_be_read_is_kept_with_its_reason(tmp_path: Path) -> None:
    """A link to nowhere, as in the middle of a ConfigMap's change, is no deleted file."""
    (tmp_path / "a.yaml").symlink_to("nowhere")
    content = scan(tmp_path).policies[tmp_path / "a.yaml"]
    assert isinstance(content, UnreadableError)
