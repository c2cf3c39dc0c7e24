"""A run as one HTML page that opens offline: charts, and the table behind each of them.

Observable Plot draws the charts, inlined; nothing is fetched, and the page's own policy allows the
browser neither that nor any script but these. Without scripts the tables remain.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from importlib import resources
from typing import Any

from proxy.evaluation.markup import Html, join, tag, text
from proxy.suites.summary import counted
from tuner.report.course import course
from tuner.report.document import RANKED
from tuner.report.genes import UNSET
from tuner.report.outcome import outcome
from tuner.report.parts import Json, caution
from tuner.report.provenance import provenance
from tuner.report.text import LEXICAL_RELEVANCE

_SCRIPTS = ("d3.min.js", "plot.umd.min.js", "figures.js")

_JUMPS = {
    "front": "front", "statistics": "statistics", "pick": "pick",
    "suites": "suites", "categories": "categories",
    "discordance": "fixed and broken", "degeneration": "degeneration", "judge": "judge",
    "optimism": "optimism", "hypervolume": "progress", "funnel": "race", "parallel": "candidates",
    "importance": "importance", "ablation": "ablation", "genealogy": "genealogy",
    "writing": "written texts",
    "health": "run health", "promote": "promote", "provenance": "provenance",
}  # fmt: skip
"""Section → what the navigation calls it."""


def as_page(document: Json, *, store: str, refresh_s: int | None = None) -> str:
    """The page.

    Args:
        document: as :func:`tuner.report.document.as_document` gives it.
        store: path of the store, for the commands that the page shows.
        refresh_s: seconds after which the browser loads the page again; None for a finished one.
    """
    sections = [*outcome(document), *course(document), *provenance(document, store)]
    body = tag("main", join([*_top(document, join(sections)), *sections], "\n"))
    scripts = [_asset(name) for name in _SCRIPTS]
    inlined = [Html(f"<script>{script}</script>") for script in scripts]
    content = tag("body", body, _embedded(document), *inlined)
    head = _head(document, scripts, refresh_s)
    return f'<!doctype html>\n<html lang="en">\n{head}\n{content}\n</html>\n'


def _head(document: Json, scripts: list[str], refresh_s: int | None) -> Html:
    hashes = " ".join(f"'sha256-{_sha256(script)}'" for script in scripts)
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src {hashes}"
    shared = resources.files("proxy.evaluation").joinpath("page.css").read_text(encoding="utf-8")
    again = "" if refresh_s is None else f'<meta http-equiv="refresh" content="{refresh_s}">'
    return tag(
        "head",
        Html('<meta charset="utf-8">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{text(policy)}">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html(again),
        tag("title", text(f"GuardTune: {_title(document)}")),
        tag("style", Html(shared + _asset("report.css"))),
    )


def _top(document: Json, sections: Html) -> Iterator[Html]:
    result = document["result"]
    yield tag("h1", text(_title(document)))
    ended = result["search_ended"]
    state = "finished" if result["is_finished"] else (
        "running, or interrupted; validation and test are still to come" if ended is None
        else "search ended; validation or test are still to come"
    )  # fmt: skip
    yield tag(
        "p",
        text(f"Run {result['run']}, preset {result['preset']}, seed {result['seed']}, judge "
             f"{result['identity']['judge']}: {state}. {result['funnel']['candidates']} candidates "
             f"in {counted(result['funnel']['generations'], 'generation')}."),
        class_="soft",
    )  # fmt: skip
    if result["is_relevance_lexical"]:
        yield caution(f"{LEXICAL_RELEVANCE}.")
    if document["why_not"] is not None and result["is_finished"]:
        yield tag("div", tag("p", text(f"Nothing to promote: {document['why_not']}.")),
                  class_="note")  # fmt: skip
    there = [name for name in _JUMPS if f'<section id="{name}">' in sections]
    yield tag("nav", *(tag("a", text(_JUMPS[name]), href=f"#{name}") for name in there))
    yield Html(
        '<noscript><div class="note"><p>The charts need scripts; the tables do not.</p></div>'
        "</noscript>"
    )


def _title(document: Json) -> str:
    return f"{document['result']['name']}: a policy for {document['model']['name']}"


def _embedded(document: Json) -> Html:
    """The numbers that charts need; no prompt, no answer and no policy text is among them."""
    content = json.dumps(_numbers(document), allow_nan=False, separators=(",", ":"))
    escaped = content.replace("<", "\\u003c")
    return Html(f'<script type="application/json" id="data">{escaped}</script>')


def _numbers(document: Json) -> dict[str, Any]:
    contrast, genealogy = document["contrast"], document["genealogy"]
    return {
        **{name: document[name] for name in
           ("key", "split", "limits", "baseline", "trials", "hypervolume", "funnel", "ablation")},
        "unset": UNSET,
        "validation": document["result"]["validation"],
        "test": document["result"]["test"],
        "importance": {name: document["importance"][name] for name in RANKED},
        "tree": [] if genealogy is None else genealogy["tree"],
        "contrast": None if contrast is None else {
            name: contrast[name] for name in ("categories", "flags", "tokens")
        },
        "second": document["judge"]["second"],
        "speed": document["health"]["speed"],
    }  # fmt: skip


def _asset(name: str) -> str:
    return resources.files("tuner.report").joinpath("assets", name).read_text(encoding="utf-8")


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
