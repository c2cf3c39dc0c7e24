"""The built-in suite's new prompts get their splits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from proxy.suites import builtin
from proxy.suites.splits import SPLITS
from scripts import split_builtin_suite


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the file, in the place of it."""
    path = tmp_path / "builtin.jsonl"
    path.write_bytes(builtin.PATH.read_bytes())
    monkeypatch.setattr(split_builtin_suite, "PATH", path)
    return path


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _rewrite(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_the_shipped_file_is_as_the_script_writes_it(shipped: Path) -> None:
    """Nothing to deal, nothing to sort."""
    split_builtin_suite.main()
    assert shipped.read_bytes() == builtin.PATH.read_bytes()


def test_new_prompts_get_a_split_and_others_keep_theirs(shipped: Path) -> None:
    """Whatever place they stand in."""
    rows = _rows(shipped)
    new = [{name: value for name, value in row.items() if name != "split"} for row in rows[:6]]
    _rewrite(shipped, rows[6:] + new)
    split_builtin_suite.main()
    found = {row["prompt"]: row["split"] for row in _rows(shipped)}
    assert {row["prompt"]: found[row["prompt"]] for row in rows[6:]} == {
        row["prompt"]: row["split"] for row in rows[6:]
    }
    assert all(found[row["prompt"]] in SPLITS for row in new)


def test_a_file_with_a_mistake_is_left_as_it_is(shipped: Path) -> None:
    """And its line is named."""
    rows = _rows(shipped)
    _rewrite(shipped, [*rows[:-1], {**rows[-1], "kind": "odd"}])
    before = shipped.read_bytes()
    with pytest.raises(SystemExit, match=f"jsonl:{len(rows)}: kind"):
        split_builtin_suite.main()
    assert shipped.read_bytes() == before


def test_one_prompt_in_two_splits_is_told(shipped: Path) -> None:
    """A twin in capitals would be searched on and tested on."""
    rows = _rows(shipped)
    twin = {**rows[0], "prompt": rows[0]["prompt"].upper()}
    twin["split"] = "test" if rows[0]["split"] != "test" else "search"
    _rewrite(shipped, [*rows, twin])
    before = shipped.read_bytes()
    with pytest.raises(SystemExit, match="Reword one of each"):
        split_builtin_suite.main()
    assert shipped.read_bytes() == before
