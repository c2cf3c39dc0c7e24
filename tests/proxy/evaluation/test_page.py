"""One page, offline, with everything a reader needs and nothing that runs."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

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

VOID = {"meta", "line", "circle", "wbr"}


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


# The page runs nothing itself, so a page around it looks into it.
LOOK = """<!doctype html><meta charset="utf-8"><body><script>
const frame = document.createElement("iframe");
frame.style.width = "%(width)dpx"; frame.style.height = "900px"; frame.srcdoc = %(page)s;
frame.onload = () => {
  const page = frame.contentDocument, root = page.documentElement;
  const boxes = (query) => [...page.querySelectorAll(query)].map((e) => e.getBoundingClientRect());
  const found = {
    overflow: root.scrollWidth - root.clientWidth,
    paper: frame.contentWindow.getComputedStyle(page.body).backgroundColor,
    bars: boxes("svg.bar").map((box) => box.width),
    refs: boxes(".ref").map((box) => box.height),
    rates: boxes(".stack td div:first-child").map((box) => box.width),
  };
  document.body.innerHTML = "<pre>" + JSON.stringify(found) + "</pre>";
};
document.body.append(frame);
</script>"""


def seen(folder: Path, *, width: int, is_dark: bool = False) -> dict[str, Any]:
    """What a real browser makes of the page at a width, in CSS pixels."""
    path = folder / "look.html"
    inside = json.dumps(page(with_texts=True)).replace("</", "<\\/")
    path.write_text(LOOK % {"width": width, "page": inside}, encoding="utf-8")
    command = [
        "chromium", "--headless=new", "--no-sandbox", "--disable-gpu",
        f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=4000",
        f"--blink-settings=preferredColorScheme={0 if is_dark else 1}",
        "--window-size=1400,1000", "--dump-dom", path.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found: dict[str, Any] = json.loads(unescape(done.stdout.split("<pre>")[1].split("</pre>")[0]))
    return found


@pytest.mark.chromium
@pytest.mark.slow
@pytest.mark.parametrize("width", [1200, 430])
def test_a_browser_shows_it_wide_and_narrow(tmp_path: Path, width: int) -> None:
    """Nothing hangs out at the side, bars are drawn, and rates and references stay whole."""
    found = seen(tmp_path, width=width)
    assert found["overflow"] == 0
    assert found["bars"]
    assert all(bar > 100 for bar in found["bars"])
    assert all(ref < 60 for ref in found["refs"]), "two lines at most"
    assert all(rate > 150 for rate in found["rates"])


@pytest.mark.chromium
@pytest.mark.slow
def test_a_browser_shows_it_light_and_dark(tmp_path: Path) -> None:
    """As the reader's system is."""
    light, dark = (seen(tmp_path, width=1200, is_dark=dark)["paper"] for dark in (False, True))
    assert (light, dark) == ("rgb(255, 255, 255)", "rgb(20, 23, 28)")
