"""Whatever is shown does nothing else."""

from __future__ import annotations

from proxy.evaluation.markup import bar, join, table, tag, text

EVIL = """<script>alert("'&")</script>"""


def test_text_is_escaped() -> None:
    """In elements and in attributes."""
    assert "<" not in text(EVIL)
    assert '"' not in text(EVIL)
    assert tag("p", text(EVIL), title=EVIL).count("<") == 2


def test_an_element_has_children_and_attributes() -> None:
    """A trailing underscore is dropped, another one becomes a hyphen."""
    made = tag("td", text(1), text("<"), class_="a", aria_label="b")
    assert made == '<td class="a" aria-label="b">1&lt;</td>'
    assert join([text("a"), text("b")], " ") == "a b"


def test_a_table_has_a_header_in_each_row() -> None:
    """So that it can be read aloud."""
    made = table(["name", "value"], [[text("a"), text(1)]], caption="c")
    assert made.count('<th scope="col">') == 2
    assert '<th scope="row">a</th><td>1</td>' in made
    assert "<caption>c</caption>" in made


def test_a_bar_draws_the_interval_within_its_frame() -> None:
    """From 0 to 1, and the text for those who cannot see it."""
    made = bar({"value": 0.5, "low": 0.0, "high": 1.0}, "said")
    assert 'x1="6.0" y1="11" x2="214.0"' in made
    assert 'cx="110.0"' in made
    assert 'aria-label="said"' in made


def test_what_was_not_measured_has_no_bar() -> None:
    """An interval from 0 to 1 would look like a result."""
    assert bar({"value": None, "low": 0.0, "high": 1.0}, "said") == ""
