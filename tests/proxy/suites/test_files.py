from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from proxy.errors import SuiteError
from proxy.suites.files import Format, load_file
from proxy.suites.formats import read_jsonl
from tests.proxy.suites.suite_prompts import make_prompts

OWN = Format(read_jsonl, "own")
PUBLISHED = Format(read_jsonl, "published", licence="MIT", source="example.org", published_n=8)


def _lines(n: int, **more: str) -> str:
    rows = [{"prompt": prompt.text, "kind": "benign", **more} for prompt in make_prompts(n)]
    return "".join(json.dumps(row) + "\n" for row in rows)


def _file(folder: Path, text: str) -> Path:
    path = folder / "suite.jsonl"
    path.write_text(text, encoding="utf-8")
    return path


def _message(path: Path, form: Format = OWN) -> str:
    with pytest.raises(SuiteError) as caught:
        load_file(path, form, suite="s")
    return str(caught.value).replace(str(path), "FILE")


def test_load_file_tells_where_the_prompts_come_from(tmp_path: Path) -> None:
    """sha256 of the bytes, licence and source, rows and published rows."""
    path = _file(tmp_path, _lines(7))
    suite = load_file(path, PUBLISHED, suite="s")
    assert suite.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (suite.id, suite.licence, suite.source) == ("s", "MIT", "example.org")
    assert (suite.n_rows, suite.published_n, suite.is_partial) == (7, 8, True)


def test_load_file_gives_every_prompt_a_split(tmp_path: Path) -> None:
    """All four are there."""
    suite = load_file(_file(tmp_path, _lines(8)), OWN, suite="s")
    assert {prompt.split for prompt in suite} == {"search", "validation", "test", "probe"}


def test_load_file_keeps_the_splits_of_the_file(tmp_path: Path) -> None:
    """What the author decided stands."""
    suite = load_file(_file(tmp_path, _lines(8, split="probe")), OWN, suite="s")
    assert {prompt.split for prompt in suite} == {"probe"}


def test_load_file_reads_a_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    """Editors write both."""
    path = tmp_path / "suite.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + _lines(4).replace("\n", "\r\n").encode())
    assert len(load_file(path, OWN, suite="s")) == 4


def test_load_file_refuses_splits_on_some_rows_only(tmp_path: Path) -> None:
    """Nobody could say where the others belong."""
    path = _file(tmp_path, _lines(2, split="test") + '{"prompt": "a", "kind": "benign"}\n')
    assert _message(path) == (
        "FILE:3: 1 row has no split, though others have one; give all a split or none."
    )


def test_load_file_refuses_more_rows_than_were_published(tmp_path: Path) -> None:
    """It is another set under the same name."""
    assert _message(_file(tmp_path, _lines(9)), PUBLISHED) == (
        "FILE: 9 rows, but 8 were published, so this is another set; "
        "load a changed copy under a name of your own, as jsonl:PATH or csv:PATH."
    )


def test_load_file_refuses_a_missing_file(tmp_path: Path) -> None:
    """The message says where to get it."""
    assert _message(tmp_path / "none", PUBLISHED) == (
        "FILE: no such file. Check the path, or get it from example.org."
    )


def test_load_file_refuses_a_folder(tmp_path: Path) -> None:
    """And says what it wants instead."""
    assert "is a folder, and this suite is one file" in _message(tmp_path)


def test_load_file_refuses_other_encodings(tmp_path: Path) -> None:
    """With the line and the byte."""
    path = tmp_path / "suite.jsonl"
    path.write_bytes(_lines(2).encode() + "übel".encode("latin-1"))
    assert _message(path) == "FILE:3: byte 0xfc is not UTF-8; save the file as UTF-8."


def test_load_file_reports_all_mistakes_at_once(tmp_path: Path) -> None:
    """Three mistakes, three lines."""
    path = _file(tmp_path, '{"prompt": "", "kind": "benign"}\nnonsense\n{"prompt": "a"}\n')
    assert _message(path).splitlines() == [
        "FILE:1: the prompt is empty; write one or remove the row.",
        "FILE:2: this line is not JSON: Expecting value.",
        "FILE:3: kind is missing, but must be one of harmful, benign.",
    ]


def test_load_file_puts_a_folder_of_parts_together(tmp_path: Path) -> None:
    """In the order of their names; the hash is of all their bytes."""
    form = Format(read_jsonl, "parts", published_n=8, pattern="*.jsonl")
    texts = [_lines(5).splitlines(keepends=True)[a:b] for a, b in ((0, 3), (2, 5))]
    for name, lines in zip("ba", texts, strict=True):
        (tmp_path / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    suite = load_file(tmp_path, form, suite="s")
    assert (len(suite), suite.n_rows) == (5, 6)
    assert suite.prompts[0].text == json.loads(texts[1][0])["prompt"]
    data = b"".join((tmp_path / f"{name}.jsonl").read_bytes() for name in "ab")
    assert suite.sha256 == hashlib.sha256(data).hexdigest()


def test_load_file_names_the_part_that_is_wrong(tmp_path: Path) -> None:
    """Each problem has its own file; a folder without parts is told."""
    form = Format(read_jsonl, "parts", source="example.org", published_n=8, pattern="*.jsonl")
    with pytest.raises(SuiteError, match=r"no \*\.jsonl in this folder"):
        load_file(tmp_path, form, suite="s")
    for name in "ab":
        (tmp_path / f"{name}.jsonl").write_text('{"prompt": "", "kind": "benign"}\n')
    with pytest.raises(SuiteError) as caught:
        load_file(tmp_path, form, suite="s")
    files = [Path(problem.file).name for problem in caught.value.problems]
    assert files == ["a.jsonl", "b.jsonl"]


def test_load_file_says_how_to_export_parquet(tmp_path: Path) -> None:
    """A data-set hub's own form; nothing here reads it."""
    path = tmp_path / "train.parquet"
    path.write_bytes(b"PAR1\xff")
    assert "Parquet is not read here; write it as JSON lines first" in _message(path)
