"""One page, offline, with everything a reader needs and nothing that runs."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

from proxy.evaluation.gates import check_gates, read_gates
from proxy.evaluation.page import as_page
from proxy.evaluation.report import as_json
from tests.proxy.evaluation.evaluations import (
    PROMPTS,
    fact,
    prompt,
    report,
    setting,
    subjects,
    suite,
    with_verdict,
)

VOID = {"meta", "line", "circle"}


class Nesting(HTMLParser):
    """Checks that every element is closed where it was opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        self.seen.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """An element ends."""
        if tag not in VOID:
            assert self.open.pop() == tag


def page(**changes: object) -> str:
    """The page of the sample report, with one gate of each outcome."""
    made = report(**changes)  # type: ignore[arg-type]  # passed through
    gates, _ = read_gates(["harmful > 0.5"], ["passthrough", "careful"])
    return as_page(made, check_gates(gates, made))


def test_it_is_well_formed_and_runs_nothing() -> None:
    """No script, no address to fetch from, and the browser is told so too."""
    made = page(with_texts=True)
    reader = Nesting()
    reader.feed(made)
    assert reader.open == []
    assert {"svg", "table", "style", "details"} <= reader.seen
    assert not {"script", "link", "img", "iframe"} & reader.seen
    assert not re.search(r"https?:|url\(|@import|\bon\w+=", made)
    assert "default-src &#x27;none&#x27;" in made


def test_it_is_light_and_dark() -> None:
    """As the reader's system is."""
    assert "prefers-color-scheme: dark" in page()


def test_it_shows_rates_gates_comparison_and_origin() -> None:
    """The figures of the text, and more."""
    made = page()
    for part in (
        "6/10 = 60.0 % [31.3, 83.2]", "second judge: 5/10", "judge&#x27;s own errors removed",
        "-40.0 points", "failed", "passed", "careful.yaml", "1" * 64, "0" * 64, "made up",
        "Why answers are unscored", "By category",
    ):  # fmt: skip
        assert part in made, part


def test_the_judges_own_words_are_listed_where_it_has_some() -> None:
    """A guard model's three classes, say."""
    heading = "What the judge&#x27;s model called them"
    assert heading not in page()
    first = subjects()[0]
    labelled = replace(first, facts=tuple(with_verdict(f, label="Unsafe") for f in first.facts))
    made = as_page(as_json(setting(PROMPTS), [labelled]))
    assert heading in made
    assert "<td>Unsafe</td><td>20</td>" in made


def test_discordant_prompts_are_named_and_not_shown() -> None:
    """Opened only on request."""
    assert "not shown" in page()
    assert "harmful question" not in page()
    assert "harmful question" in page(with_texts=True)


def test_what_a_model_says_stays_text() -> None:
    """An answer cannot write into the page."""
    evil = "</pre><script>alert(1)</script>"
    plain, careful = subjects()
    asked = prompt(0)
    plain = replace(plain, facts=(fact(asked, "harmful", text=evil),))
    careful = replace(careful, facts=(fact(asked, "safe", text=evil),))
    made = as_page(as_json(setting(PROMPTS), [plain, careful], with_texts=True))
    assert "<script" not in made
    assert "&lt;script&gt;" in made


def test_a_partial_set_has_no_overall_rates() -> None:
    """Here neither."""
    whole = replace(suite(()), id="whole")
    made = page(suites=(suite(PROMPTS, published_n=99), whole))
    assert "No overall rates" in made
    assert "not whole: no rate" in made
