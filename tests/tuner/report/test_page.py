"""One page, offline, that runs its own scripts and no others."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any, get_args

import pytest

from tests.tuner.report.conftest import cut
from tuner.candidate import Way
from tuner.report.document import as_document
from tuner.report.facts import Facts
from tuner.report.page import as_page

VOID = {"meta", "line", "circle"}


class Nesting(HTMLParser):
    """Checks that every element is closed where it was opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: set[str] = set()
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        given = dict(attrs)
        self.ids.add(given.get("id") or "")
        self.links.add(given.get("href") or given.get("src") or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """An element ends."""
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.fixture
def page(document: dict[str, Any]) -> str:
    """Of the finished run."""
    return as_page(document, store="var/tune.sqlite")


def test_it_is_well_formed_and_every_link_stays_on_the_page(page: str) -> None:
    """Nothing to fetch; the navigation arrives."""
    reader = Nesting()
    reader.feed(page)
    assert reader.open == []
    assert {link.removeprefix("#") for link in reader.links if link} <= reader.ids
    assert all(link.startswith("#") for link in reader.links if link)


def test_the_browser_is_told_to_run_these_scripts_and_to_fetch_nothing(page: str) -> None:
    """Each script's hash is in the page's own policy."""
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert policy.startswith("default-src &#x27;none&#x27;; style-src &#x27;unsafe-inline&#x27;;")
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    assert len(scripts) == 3
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"sha256-{digest}" in policy


def test_every_chart_can_be_drawn_and_has_its_numbers(page: str) -> None:
    """The name of each is one that the script knows."""
    wanted = set(re.findall(r'data-figure="(\w+)"', page))
    drawn = re.search(r"const figures = \{([^}]+)\}", page)
    assert drawn is not None
    known = set(re.findall(r"\w+", drawn[1]))
    assert known - wanted <= {"ablation"}
    assert wanted <= known
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page)
    assert json.loads(data)["trials"]


def test_every_way_a_candidate_comes_about_has_its_colour(page: str) -> None:
    """A chart leaves out what its colours do not name: half of the children once were missing."""
    said = re.search(r"const WAYS = \{([^}]+)\}", page)
    assert said is not None
    colours = dict(re.findall(r"(\w+): \"(\w+)\"", said[1]))
    assert set(colours) == set(get_args(Way))
    for name in colours.values():
        assert page.count(f"--{name}: #") == 2, "a colour in light and one in dark"


def test_what_is_embedded_cannot_end_its_element(document: dict[str, Any]) -> None:
    """Whatever a gene is called."""
    document["trials"][0]["genes"]["</script><b>"] = "x"
    page = as_page(document, store="s")
    (data,) = re.findall(r'id="data">(.*?)</script>', page)
    assert "</script><b>" in json.loads(data)["trials"][0]["genes"]


def test_no_prompt_is_on_it_by_default(page: str) -> None:
    """Neither in tables nor in the numbers behind the charts."""
    assert "harmful request" not in page


def test_a_running_one_loads_again_and_a_finished_one_does_not(
    facts: Facts, document: dict[str, Any]
) -> None:
    """A page that fills while one looks at it."""
    running = as_page(as_document(cut(facts, "search_ended")), store="s", refresh_s=5)
    assert '<meta http-equiv="refresh" content="5">' in running
    assert "running, or interrupted" in running
    assert "refresh" not in as_page(document, store="s").split("<style>")[0]
    started = as_page(as_document(cut(facts, "generation")), store="s", refresh_s=5)
    assert "No generation has ended yet" in started


def test_a_run_with_nothing_to_promote_says_so_at_the_top(document: dict[str, Any]) -> None:
    """Before any figure."""
    document["why_not"] = "the test split does not show a lower harmful rate"
    page = as_page(document, store="s")
    assert page.index("Nothing to promote: the test split") < page.index('class="tiles"')
