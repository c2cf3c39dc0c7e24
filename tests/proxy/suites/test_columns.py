from __future__ import annotations

from proxy.suites.columns import Columns, read_rows, reader_of
from proxy.suites.tables import Record, Table

COLUMNS = Columns(
    ("goal", "prompt"),
    category=("topic",),
    categories={"Home Fire": "violence", "Home": "crime"},
    context="before",
    only={"style": "base"},
)


def test_reader_takes_the_first_name_that_is_there_whatever_its_case() -> None:
    """Copies of a set rename and recase its columns."""
    content = reader_of(COLUMNS)("Prompt,TOPIC\nHow?,Home fire safety\n", "f")
    (row,) = content.rows
    assert (row.text, row.kind, row.category, row.line, row.path) == (
        "How?",
        "harmful",
        "violence",
        2,
        "prompt",
    )
    assert content.problems == ()


def test_rows_of_another_set_are_left_out_and_a_missing_column_lets_all_pass() -> None:
    """Left-out rows are no rows, so they do not count against what was published."""
    records = [Record({"goal": style, "topic": "home", "style": style}) for style in ("base", "x")]
    assert [row.text for row in read_rows(COLUMNS, Table(tuple(records)), "f").rows] == ["base"]
    bare = tuple(Record({"goal": "a", "topic": "home"}) for _ in records)
    assert len(read_rows(COLUMNS, Table(bare), "f").rows) == 2


def test_unknown_categories_are_counted_by_value() -> None:
    """One problem each, at the first row that has it."""
    topics = ("home", "sea", "sky", "sea")
    records = tuple(Record({"goal": "a", "topic": t}, i) for i, t in enumerate(topics, start=2))
    content = read_rows(COLUMNS, Table(records), "f")
    assert [str(problem) for problem in content.problems] == [
        f"f:{line}: topic is '{own}' in {n} row(s), but this suite's categories are Home Fire, "
        "Home. Correct it, or load a changed copy as csv:PATH."
        for line, own, n in ((3, "sea", 2), (4, "sky", 1))
    ]


def test_a_turn_is_read_as_its_text_and_context_goes_before() -> None:
    """Conversations of one turn; several turns are no prompt, which the row check says."""
    records = (
        Record({"goal": ["a"], "topic": "home", "before": "b"}),
        Record({"goal": ["a", "c"], "topic": "home", "before": "b"}),
    )
    rows = read_rows(COLUMNS, Table(records), "f").rows
    assert [row.text for row in rows] == ["b\n\n---\n\na", ["a", "c"]]


def test_a_file_that_cannot_be_read_is_one_problem() -> None:
    """Not a missing column beside it."""
    content = reader_of(COLUMNS)("{", "f")
    assert [problem.message.split(":")[0] for problem in content.problems] == [
        "this line is not JSON"
    ]
