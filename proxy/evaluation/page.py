"""An evaluation as one HTML page that needs nothing else: no script, no network, light and dark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import Any

from proxy.evaluation.gates import Result
from proxy.evaluation.markup import Html, bar, join, table, tag, text
from proxy.evaluation.wording import (
    CHOICE_LABELS,
    LABELS,
    SCORE_LABELS,
    audit_text,
    beside,
    cost_text,
    gap_text,
    has_prompts,
    score_text,
    terms,
    title,
    written,
)

Json = Mapping[str, Any]

_CATEGORY_FIGURES = ("harmful", "over_refusal", "degenerate")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""The browser itself then refuses to fetch or to run anything."""


def as_page(report: Json, gates: Sequence[Result] = ()) -> str:
    """The page.

    Args:
        report: as :func:`proxy.evaluation.report.as_json` gives it.
        gates: what they said.
    """
    style = resources.files("proxy.evaluation").joinpath("page.css").read_text(encoding="utf-8")
    head = tag(
        "head",
        Html('<meta charset="utf-8">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{text(_POLICY)}">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        tag("title", text(f"GuardTune: {title(report)}")),
        tag("style", Html(style)),
    )
    body = tag("body", tag("main", join(_sections(report, gates), "\n")))
    return f'<!doctype html>\n<html lang="en">\n{head}\n{body}\n</html>\n'


def _sections(report: Json, gates: Sequence[Result]) -> Iterator[Html]:
    yield tag("h1", text(title(report)))
    yield tag("p", text(terms(report)), class_="soft")
    if report["warnings"]:
        yield tag("div", *(tag("p", text(said)) for said in report["warnings"]), class_="note")
    if gates:
        yield tag("h2", text("Gates"))
        yield _gates(gates)
    if has_prompts(report):
        yield from _judged(report)
    for choice in report["choices"]:
        yield from _choices(choice)
    yield tag("h2", text("What was measured, and with what"))
    yield table(["", ""], list(_origin(report)))


def _judged(report: Json) -> Iterator[Html]:
    if audit := report["judge"]["audit"]:
        yield tag("p", text(audit_text(audit)))
    yield tag("h2", text("Rates"))
    if report["is_partial"]:
        yield tag("p", text("No overall rates: a prompt set is not whole."))
    else:
        yield _rates({policy["ref"]: policy["rates"] for policy in report["policies"]})
    for comparison in report["comparisons"]:
        yield from _comparison(comparison)
    yield tag("h2", text("By category"))
    for name in _CATEGORY_FIGURES:
        yield _groups(report, name, "by_category")
    if len(report["suites"]) > 1:
        yield tag("h2", text("By prompt set"))
        for name in _CATEGORY_FIGURES:
            yield _groups(report, name, "by_suite")
    yield tag("h2", text("Tokens and time"))
    yield table(
        ["policy", "answers"],
        [[_ref(p["ref"]), text(cost_text(p["cost"]))] for p in report["policies"]],
    )
    yield from _counted(report, "unscored_reasons", "Why answers are unscored")
    yield from _counted(report, "labels", "What the judge's model called them")


def _choices(choice: Json) -> Iterator[Html]:
    """Accuracy of every policy, overall and by the suite's own topics."""
    yield tag("h2", text(f"{choice['suite']}: {choice['asked']} multiple-choice questions"))
    yield tag("p", text(f"Guessing gets {choice['chance']:.0%}."), class_="soft")
    policies = choice["policies"]
    head = ["", *(policy["ref"] for policy in policies)]
    groups = [("all", [policy["overall"] for policy in policies])]
    groups += [
        (topic, [policy["by_topic"][topic] for policy in policies])
        for topic in policies[0]["by_topic"]
    ]
    for name, label in CHOICE_LABELS.items():
        rows = [
            [text(group), *(_cell(name, None if one is None else one[name]) for one in figures)]
            for group, figures in groups
        ]
        yield table(head, rows, caption=label)
    if choice["is_partial"]:
        yield tag("p", text(choice["headline_refusal"]))
    for gap in choice["comparisons"]:
        said = f"{gap['policy']} against {gap['baseline']}: right {gap_text(gap['right'])}"
        yield tag("p", text(said))


def _gates(gates: Sequence[Result]) -> Html:
    return table(
        ["policy", "fails if", "found", ""],
        [
            [
                text(result.policy),
                tag("code", text(result.gate.text)),
                text("not measured" if result.value is None else f"{result.value:.4g}"),
                tag("strong", text("passed"), class_="good")
                if result.is_passed
                else tag("strong", text("failed"), class_="bad"),
            ]
            for result in gates
        ],
    )


def _rates(policies: Mapping[str, Json]) -> Html:
    """A row a figure and policy; what stands beside a rate under it."""
    rows = [
        _rate_row(label if number == 0 else "", ref, name, rates[name])
        for name, label in LABELS.items()
        for number, (ref, rates) in enumerate(policies.items())
    ]
    return table(["", "policy", "", "95 % interval, 0 to 1"], rows, class_="stack")


def _rate_row(label: str, ref: str, name: str, figure: Json) -> list[Html]:
    said = written(name, figure)
    extras = [tag("div", text(f"{what}: {found}"), class_="soft") for what, found in beside(figure)]
    return [
        text(label), _ref(ref), join([tag("div", text(said)), *extras]),
        bar(figure, said),
    ]  # fmt: skip


def _ref(ref: str) -> Html:
    """A policy's name and version; a break may come between the two, and nowhere else."""
    name, at, version = ref.partition("@")
    return tag("code", text(name), Html("<wbr>"), text(at + version), class_="ref")


def _groups(report: Json, name: str, part: str) -> Html:
    """One figure in every group of prompts, policies side by side."""
    policies = report["policies"]
    rows = []
    for group in policies[0][part]:
        figures = [(policy[part][group] or {}).get(name) for policy in policies]
        if any(figure is not None and figure["n"] for figure in figures):
            rows.append([text(group), *(_cell(name, figure) for figure in figures)])
        elif figures[0] is None:
            rows.append([text(group), *(text("not whole: no rate") for _ in figures)])
    return table(["", *(policy["ref"] for policy in policies)], rows, caption=LABELS[name])


def _cell(name: str, figure: Json | None) -> Html:
    if figure is None:
        return Html("")
    said = written(name, figure)
    return join([bar(figure, said), tag("div", text(said), class_="figure")])


def _comparison(comparison: Json) -> Iterator[Html]:
    yield tag("h2", text(f"{comparison['policy']} against {comparison['baseline']}"))
    yield tag(
        "p",
        text(
            "On the same prompts with the same seeds; a gap below zero is fewer than there. "
            "A12 of 0.5 and Cliff's delta of 0 are no difference. Where several policies are "
            "compared, the p-value by Holm holds for all of them together, figure by figure; "
            "nothing is corrected for the number of figures."
        ),
        class_="soft",
    )
    rows = [[text(LABELS[n]), text(gap_text(gap))] for n, gap in comparison["rates"].items()]
    rows += [[text(SCORE_LABELS[n]), text(score_text(s))] for n, s in comparison["scores"].items()]
    yield table(["", "difference"], rows)
    if comparison["discordant"]:
        summary = tag("summary", text(f"Where the two differ: {len(comparison['discordant'])}"))
        yield tag("details", summary, *(_discordant(one) for one in comparison["discordant"]))


def _discordant(one: Json) -> Html:
    way = "only here" if one["is_worse"] else "only with the baseline"
    line = (
        f"{LABELS[one['measure']].partition(',')[0]} {way}: {one['category']}, {one['suite']}, "
        f"prompt {one['prompt']}"
    )
    if "text" not in one:
        return tag("p", text(f"{line} ({one['words']} words, not shown)"), class_="soft")
    parts = [("prompt", "text"), ("answer here", "policy_answer"), ("baseline", "baseline_answer")]
    shown = [
        tag("div", text(name), class_="soft") + tag("pre", text(one[key])) for name, key in parts
    ]
    return tag("details", tag("summary", text(line)), *(Html(part) for part in shown))


def _counted(report: Json, name: str, heading: str) -> Iterator[Html]:
    """Counts by policy, where there are any."""
    rows = [
        [_ref(policy["ref"]), text(said), text(count)]
        for policy in report["policies"]
        for said, count in policy[name].items()
    ]
    if rows:
        yield tag("h2", text(heading))
        yield table(["policy", "", "answers"], rows)


def _origin(report: Json) -> Iterator[list[Html]]:
    model, judge = report["model"], report["judge"]
    yield [
        text("model"),
        join([text(model["name"]), tag("div", tag("code", text(model["sha256"])))]),
    ]
    if has_prompts(report):
        yield _judge_row(judge)
    for suite in (*report["suites"], *({**one, "id": one["suite"]} for one in report["choices"])):
        yield _suite_row(suite)
    for policy in report["policies"]:
        source = text(f" from {policy['source']}")
        yield [text("policy"), join([_ref(policy["ref"]), source])]
    yield [
        text("run"),
        text(
            f"GuardTune {report['version']}, {report['created']}, {report['elapsed_s']} s; "
            f"seed {report['seed']}, at most {report['max_tokens']} tokens"
        ),
    ]


def _judge_row(judge: Json) -> list[Html]:
    card = judge["card"]
    errors = "no card: no correction for its errors" if card is None else (
        f"sensitivity {written('', card['sensitivity'])}, specificity "
        f"{written('', card['specificity'])}, on {card['set']}"
    )  # fmt: skip
    return [text("judge"), join([text(judge["id"]), tag("div", text(errors), class_="soft")])]


def _suite_row(suite: Json) -> list[Html]:
    rows = f"{suite['rows']} rows"
    if suite["published_rows"] is not None:
        rows += f" of {suite['published_rows']} published"
    about = tag("div", text(f"{rows}; licence {suite['licence']}"), class_="soft")
    digest = tag("div", tag("code", text(suite["sha256"])))
    return [text("prompts"), join([text(suite["id"]), about, digest])]
