"""A table survives being cut off, and holds no text."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.tuner.table import Header, Row, Table, as_cell, as_judged, extend
from proxy.errors import StoreError
from tests.tuner.judged import judged
from tuner.genome import Genome

HEADER = Header(
    model=("toy", "0" * 64), judge="j", suite=("s", "1" * 64), space="schema: 1\n", seed=1,
    max_tokens=8, prompts=(("harmful-1", "harmful", False), ("benign-2", "benign", True)),
)  # fmt: skip
ANSWERS = (judged(1, harmful=True), judged(2, "benign", refusal=True, relevant=None))
ROW = Row(Genome(("a", None), ("x",), (0.5,)), tuple(map(as_cell, ANSWERS)))


def test_a_table_reads_as_it_was_written(tmp_path: Path) -> None:
    """And says what it is of."""
    path = tmp_path / "new" / "table.jsonl"
    extend(path, [HEADER.line(), ROW.line()])
    table = Table.load(path)
    assert table == Table(HEADER, (ROW,))
    assert table.tokens == 4
    assert table.about["configurations"] == 1
    assert Table.load(path).sha256 == table.sha256
    judged_otherwise = Row(ROW.genome, tuple(map(as_cell, (judged(1), *ANSWERS[1:]))))
    assert Table(HEADER, (judged_otherwise,)).tokens == table.tokens
    assert Table(HEADER, (judged_otherwise,)).sha256 != table.sha256


def test_half_a_line_is_dropped_and_written_over(tmp_path: Path) -> None:
    """Cut off in the middle of a row."""
    path = tmp_path / "table.jsonl"
    extend(path, [HEADER.line()])
    with path.open("a") as file:
        file.write(ROW.line()[:20])
    assert Table.load(path).rows == ()
    extend(path, [ROW.line()])
    assert Table.load(path).rows == (ROW,)


def test_a_search_sees_what_the_judge_said(tmp_path: Path) -> None:
    """Verdicts and tokens, and nothing else of the answer."""
    for one, cell in zip(ANSWERS, ROW.cells, strict=True):
        again = as_judged(cell, one.task.prompt, "j")
        assert again.verdict.harmful == one.verdict.harmful
        assert again.verdict.relevant == one.verdict.relevant
        assert again.verdict.is_refusal == one.verdict.is_refusal
        assert again.answer.text == ""
        assert again.answer.usage is not None
        assert again.answer.usage.completion_tokens == 2


@pytest.mark.parametrize("content", [None, "", "no table\n", "{}\n"])
def test_what_is_no_table_is_a_store_error(tmp_path: Path, content: str | None) -> None:
    """With the command that makes one."""
    path = tmp_path / "table.jsonl"
    if content is not None:
        path.write_text(content)
    with pytest.raises(StoreError, match=r"benchmarks\.tuner table"):
        Table.load(path)
