from __future__ import annotations

import pytest

from proxy.errors import Problem
from proxy.suites.rows import Content, Row, check


def _problems(*rows: Row, allows_repeats: bool = False) -> list[str]:
    _, problems = check(Content(rows), file="f", suite="s", allows_repeats=allows_repeats)
    return [str(problem) for problem in problems]


def test_check_makes_prompts_of_good_rows() -> None:
    """Texts lose the blanks around them before they are hashed."""
    rows = (Row(" How? ", "benign", "crime", "probe", is_lookalike=True, line=1),)
    prompts, problems = check(Content(rows), file="f", suite="s", allows_repeats=False)
    (prompt,) = prompts
    assert problems == ()
    assert (prompt.text, prompt.category, prompt.split) == ("How?", "crime", "probe")
    assert prompt.is_lookalike


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (Row(None, "benign"), "the prompt is missing, but must be a text in quotes."),
        (Row(7, "benign"), "the prompt is 7, but must be a text in quotes."),
        (Row(["a", "b"], "benign"), "the prompt is a list, but must be a text in quotes."),
        (Row({"a": "b"}, "benign"), "the prompt is a mapping, but must be a text in quotes."),
        (
            Row("a\ud800", "benign"),
            "the prompt holds half a surrogate pair (\\ud800 to \\udfff); remove it.",
        ),
        (Row(" \n", "benign"), "the prompt is empty; write one or remove the row."),
        (Row("a", "bad"), "kind is 'bad', but must be one of harmful, benign."),
        (Row("a", ["benign"]), "kind is ['benign'], but must be one of harmful, benign."),
        (Row("a", None), "kind is missing, but must be one of harmful, benign."),
        (
            Row("a", "benign", split="train"),
            "split is 'train', but must be one of search, validation, test, probe.",
        ),
        (
            Row("a", "benign", is_lookalike=1),
            "lookalike is 1, but must be true or false.",
        ),
        (
            Row("a", "harmful", is_lookalike=True),
            "lookalike is true on a harmful prompt; only benign ones can look alike.",
        ),
    ],
)
def test_check_says_what_is_wrong_with_a_row(row: Row, message: str) -> None:
    """The value stands in the message, with what would be right."""
    assert _problems(row) == [f"f: {message}"]


def test_check_cuts_a_long_value() -> None:
    """A message stays one readable line."""
    (message,) = _problems(Row("a", "benign", category="x" * 500))
    assert "…, but must be one of violence, crime" in message
    assert len(message) < 300


def test_check_reports_all_mistakes_in_file_order() -> None:
    """Also those that the reader found."""
    rows = (Row("a", "b", "c", line=4), Row("", "benign", line=9))
    content = Content(rows, (Problem("f", "odd", 5),))
    _, problems = check(content, file="f", suite="s", allows_repeats=False)
    assert [problem.line for problem in problems] == [4, 4, 5, 9]


def test_check_refuses_a_repeated_prompt_without_showing_it() -> None:
    """The earlier line is named; a nested format names its path."""
    assert _problems(Row("a", "benign", line=2), Row("a ", "benign", line=5)) == [
        "f:5: the same prompt stands in line 2; remove one of the two."
    ]
    assert _problems(Row("a", "benign", path="x[0]"), Row("a", "benign", path="y[3]")) == [
        "f: y[3]: the same prompt stands in x[0]; remove one of the two."
    ]


def test_check_drops_repeats_of_published_sets() -> None:
    """They have a few, and nobody but their authors can change that."""
    rows = (Row("a", "benign", "ip"), Row("a", "benign", "crime"))
    prompts, problems = check(Content(rows), file="f", suite="s", allows_repeats=True)
    assert ([prompt.category for prompt in prompts], problems) == (["ip"], ())


def test_check_refuses_a_prompt_of_two_kinds_even_where_repeats_are_allowed() -> None:
    """Its label would depend on the row order."""
    rows = (Row("a", "benign", line=1), Row("a", "harmful", line=2))
    assert _problems(*rows, allows_repeats=True) == [
        "f:2: the same prompt is benign in line 1 and harmful here; keep one."
    ]


def test_check_refuses_an_empty_file() -> None:
    """A rate over nothing is nothing."""
    assert _problems() == ["f: there are no prompts in it; give a file with at least one."]
