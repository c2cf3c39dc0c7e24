from pathlib import Path

from benchmarks.engine.measures import Figures
from benchmarks.engine.records import Journal, Record, by_side

_FIGURES = Figures(1.0, 64, 100, 0, 64.0, (1.0, 2.0), (3.0, 4.0), 100.0, {"n_steps": 70.0})


def test_a_journal_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """What another process wrote is read back as it was."""
    record = Record(0, "16 own", "native", _FIGURES)
    Journal(tmp_path / "sub" / "run.jsonl").add(record)

    again = Journal(tmp_path / "sub" / "run.jsonl")

    assert again.records == [record]
    assert again.done == {"0/16 own/native"}


def test_a_failed_turn_is_not_done(tmp_path: Path) -> None:
    """It is tried again."""
    journal = Journal(tmp_path / "run.jsonl")
    journal.add(Record(0, "16 own", "native", None, "out of memory"))

    assert journal.done == set()


def test_a_line_that_was_cut_off_counts_as_not_written(tmp_path: Path) -> None:
    """And does not spoil the next one."""
    path = tmp_path / "run.jsonl"
    record = Record(0, "16 own", "native", _FIGURES)
    Journal(path).add(record)
    with path.open("a") as file:
        file.write('{"repeat": 1, "work')

    Journal(path).add(record)

    assert Journal(path).records == [record, record]


def test_by_side_leaves_failures_out() -> None:
    """There is nothing to compute with."""
    records = [Record(0, "a", "x", _FIGURES), Record(1, "a", "x", None, "gone")]

    assert by_side(records) == {"a/x": {0: _FIGURES}}
