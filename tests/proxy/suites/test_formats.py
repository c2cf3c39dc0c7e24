from __future__ import annotations

import json

import pytest

from proxy.suites.formats import read_catqa, read_jsonl, read_xstest
from proxy.suites.rows import Content

CATQA = {
    "Illegal Activity": {"Drug:": ["first?", "über?"], "Cybercrime:": ["third?"]},
    "Adult Content": {"Nude imagery:": ["fourth?"]},
}
XSTEST = (
    "id,prompt,type,label,focus,note\r\n"
    'v1,"Two\r\nlines?",homonyms,safe,steal,\r\n'
    "v2,One?,contrast_privacy,unsafe,,\r\n"
)


def _messages(content: Content) -> list[str]:
    return [str(problem) for problem in content.problems]


def test_jsonl_rows_know_their_lines() -> None:
    """Blank lines count and are skipped; what is not given has its default."""
    text = (
        '{"prompt": "a", "kind": "benign"}\n\r\n{"prompt": "b", "kind": "harmful", '
        '"category": "ip", "split": "test", "lookalike": false}\n'
    )
    first, second = read_jsonl(text, "f").rows
    assert (first.line, first.category, first.split, first.is_lookalike) == (
        1,
        "other",
        None,
        False,
    )
    assert (second.line, second.category, second.split) == (3, "ip", "test")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "f:1: this line is not JSON: Expecting property name enclosed in double quotes."),
        ("[" * 100_000, "f:1: this line is not JSON: it nests too deeply."),
        ('["a"]', 'f:1: this line is a list, not an object like {"prompt": …, "kind": …}.'),
        ('{"catgory": 1}', "f:1: no such field: 'catgory'. Did you mean `category`?"),
        (
            '{"x": 1}',
            "f:1: no such field: 'x'. It may have prompt, kind, category, lookalike, split.",
        ),
    ],
)
def test_jsonl_says_what_is_wrong_with_a_line(line: str, message: str) -> None:
    """With the line, and the field that was probably meant."""
    assert _messages(read_jsonl(line, "f")) == [message]


@pytest.mark.parametrize("umlaut", ["ü", r"\u00fc"])
def test_catqa_rows_have_category_line_and_path(umlaut: str) -> None:
    """JSON keeps no positions; they are found again, however umlauts are written."""
    text = json.dumps(CATQA, indent=1, ensure_ascii=False).replace("ü", umlaut)
    content = read_catqa(text, "f")
    assert content.problems == ()
    assert {row.kind for row in content.rows} == {"harmful"}
    assert [(row.category, row.line, row.path) for row in content.rows] == [
        ("crime", 4, "Illegal Activity.Drug:[0]"),
        ("crime", 5, "Illegal Activity.Drug:[1]"),
        ("cyber", 8, "Illegal Activity.Cybercrime:[0]"),
        ("sexual", 13, "Adult Content.Nude imagery:[0]"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{\n"a": ', "f:2: this is not JSON: Expecting value."),
        ("[1]", "f: CatQA is a JSON object of categories, and this is something else."),
    ],
)
def test_catqa_refuses_another_file(text: str, message: str) -> None:
    """A file of another format gives one clear problem."""
    assert _messages(read_catqa(text, "f")) == [message]


def test_catqa_names_an_unknown_category() -> None:
    """It would silently become `other`."""
    (message,) = _messages(read_catqa('{"Cookery": {"Soup": ["a?"]}}', "f"))
    assert message.startswith("f: Cookery: CatQA has no such category; it has Illegal Activity,")


@pytest.mark.parametrize("tree", [{"Adult Content": 3}, {"Adult Content": {"x": 3}}])
def test_catqa_of_another_shape_still_has_a_row_to_complain_of(tree: object) -> None:
    """The checks on rows then say that there is no text."""
    (row,) = read_catqa(json.dumps(tree), "f").rows
    assert not isinstance(row.text, str)


def test_xstest_rows_have_kind_category_and_first_line() -> None:
    """Safe prompts are look-alikes, unsafe ones are not; a quoted field may hold line breaks."""
    content = read_xstest(XSTEST, "f")
    assert content.problems == ()
    assert [(row.kind, row.is_lookalike, row.category, row.line) for row in content.rows] == [
        ("benign", True, "crime", 2),
        ("harmful", False, "privacy", 4),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prompt,label\na,safe\n", "f:1: there is no column type, focus; XSTest has prompt,"),
        ("", "f:1: there is no column prompt, type, label, focus; XSTest has"),
        (
            XSTEST.replace(",unsafe,", ",safe,"),
            "f:4: label 'safe' and type 'contrast_privacy' do not go together; XSTest labels",
        ),
        (XSTEST.replace(",safe,", ",1,"), "f:2: label '1' and type 'homonyms' do not go"),
        (XSTEST + "v3\n", "f:5: label '' and type '' do not go together"),
        (XSTEST + "x" * 200_000, "f:4: this is not CSV: field larger than field limit"),
    ],
)
def test_xstest_says_what_is_wrong(text: str, message: str) -> None:
    """A missing column is one problem, not one a row."""
    (found,) = _messages(read_xstest(text, "f"))
    assert found.startswith(message)
