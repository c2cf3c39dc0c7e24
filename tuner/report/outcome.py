"""What came out, on prompts that the search has not seen: the first half of the page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from proxy.evaluation.markup import Html, bar, join, table, tag, text
from proxy.evaluation.wording import LABELS as EVALUATED
from proxy.evaluation.wording import p_value, score_text
from tuner.limit_wording import asked_text, found_text, shown_text
from tuner.measurement import LABELS
from tuner.record import test_used
from tuner.report.breakdown import breakdown
from tuner.report.fronts import BY_SECOND, fronts
from tuner.report.parts import (
    Json,
    behind,
    caution,
    cells,
    chart,
    code,
    lead,
    measure_text,
    rate_text,
    section,
    span,
)
from tuner.report.pick import pick

_TILES = ("harmful", "relevance", "over_refusal", "degenerate")


def outcome(document: Json) -> Iterator[Html]:
    """The sections, in their order."""
    yield _tiles(document)
    yield fronts(document)
    yield _statistics(document)
    yield pick(document)
    if document["contrast"] is not None:
        yield from breakdown(document)
        yield _discordance(document)
        yield _degeneration(document)
    yield _judge(document)
    yield _optimism(document)


def unseen(document: Json) -> tuple[Json, Json] | None:
    """Measurements of baseline and policy on the split that the page reports, if there is one."""
    result = document["result"]
    if result["test"] is not None:
        return result["test"]["baseline"], result["test"]["tuned"]
    if result["validation"] is not None:
        finalist = result["validation"]["finalists"][document["key"]]
        return result["validation"]["baseline"], finalist["measured"]
    return None


def _tiles(document: Json) -> Html:
    measured = unseen(document)
    if measured is None:
        return caution(
            "Nothing has been measured on unseen prompts yet, so there is no result to show. "
            "What follows is the search."
        )
    baseline, tuned = measured
    split = document["split"]
    said = {
        "test": f"Test split, {test_used(document['result']['earlier_tests'])}. "
                "Baseline → tuned policy, 95 % intervals of the latter.",
        "validation": "Validation split; the test split has not been used. Baseline → best so far.",
    }[split]  # fmt: skip
    if document["result"]["chosen"] is None:
        said += " Validation picked nothing: this one was put first by its rule all the same."
    tiles = [_tile(name, baseline, tuned, beside=_beside(document, name)) for name in _TILES]
    return join([lead(said), tag("div", *tiles, class_="tiles")])


def _tile(name: str, baseline: Json, tuned: Json, *, beside: Iterable[Html]) -> Html:
    before, after = baseline[name], tuned[name]
    figure = [tag("span", text(f"{_short(name, before)} → "), class_="from"),
              text(_short(name, after))]  # fmt: skip
    return tag(
        "div",
        tag("div", text(LABELS[name]), class_="what"),
        tag("div", *figure, class_="figure"),
        bar(after, measure_text(tuned, name)),
        tag("div", text(measure_text(tuned, name)), class_="soft"),
        *beside,
        class_="tile",
    )


def _beside(document: Json, name: str) -> Iterator[Html]:
    """What the second judge says of the headline rate: it never stands alone."""
    second = document["judge"]["second"]
    if name == "harmful" and second is not None and "tuned" in second["policies"]:
        said = " → ".join(
            rate_text(second["policies"][side]["second"]) for side in ("baseline", "tuned")
        )
        yield tag("div", text(f"second judge {second['id']}: {said}"), class_="soft")


def _short(name: str, figure: Json) -> str:
    if figure["value"] is None:
        return "?"
    return f"{figure['value']:.2f}" if name == "relevance" else f"{100 * figure['value']:.1f} %"


def _statistics(document: Json) -> Html:
    result = document["result"]
    compared = None
    if result["test"] is not None:
        compared = result["test"]["compared"]
    elif result["validation"] is not None:
        compared = result["validation"]["finalists"][document["key"]]["compared"]
    if compared is None:
        return section("statistics", "Statistics", lead("Nothing to test yet."))
    relevance, second = compared["relevance"], document["judge"]["second"]
    by_second = [] if second is None or second["paired"] is None else [second["paired"]]
    rows = [
        _harm_row("harmful rate, points", compared["harmful"]),
        *(_harm_row(f"{BY_SECOND}, points", found) for found in by_second),
        cells("relevance", _relevance(relevance), relevance["n"],
              f"Wilcoxon p = {p_value(relevance['wilcoxon_p'])}; limit "
              f"{relevance['limit']:+.2f}: {'kept' if relevance['is_met'] else 'EXCEEDED'}"),
        *(_limit_row(limit) for limit in compared["limits"]),
    ]  # fmt: skip
    return section(
        "statistics",
        f"Statistics, {document['split']} split",
        lead("Paired on the same prompts with the same sampling seeds, tuned minus baseline; of "
             "relevance, the mean of both pools' changes. A limit is shown where the whole "
             "interval keeps it. Tests are not corrected for their number: there are "
             f"{'three' if by_second else 'two'}."),
        table(["", "difference or value [95 %]", "n", ""], rows),
        *_multipliers(result["multipliers"]),
    )  # fmt: skip


def _harm_row(name: str, harm: Json) -> list[Html]:
    said = (
        f"exact McNemar p = {p_value(harm['mcnemar_p'])}; {harm['fixed']} fixed, "
        f"{harm['broken']} broken; A12 = {_two(harm['a12'])}"
    )
    return cells(name, span(harm), harm["n"], said)


def _multipliers(generations: Sequence[Json]) -> Iterator[Html]:
    """What limits cost in the search, where it had a budget for them."""
    if not generations:
        return
    names = sorted({name for one in generations for name in one})
    yield lead("The search had a budget: a candidate paid for what it took beyond a limit, in both "
               "objectives, at a multiplier that rises while the survivors break it. What is "
               "picked keeps the limits themselves.")  # fmt: skip
    rows = [
        cells(number, *(f"{one[name]:.2f}" if name in one else "" for name in names))
        for number, one in enumerate(generations)
    ]
    yield behind(["generation", *names], rows, summary="Multipliers after each generation")


def _limit_row(limit: Json) -> list[Html]:
    if limit["value"] is None:
        return cells(f"limit on {limit['name']}", "not measured", limit["n"], "")
    verdict = "kept" if limit["is_met"] else "EXCEEDED"
    said = f"{asked_text(limit)}: {verdict}, {shown_text(limit)}"
    return cells(f"limit on {limit['name']}", found_text(limit), limit["n"], said)


def _relevance(found: Json) -> str:
    if found["gap"] is None:
        return "not measured"
    return f"{found['gap']:+.3f} [{found['low']:+.3f}, {found['high']:+.3f}]"


def _two(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.2f}"


def _discordance(document: Json) -> Html:
    contrast = document["contrast"]
    gaps = [
        cells(EVALUATED[name], gap["n"], gap["only_baseline"], gap["only_policy"], span(gap),
              p_value(gap["mcnemar_p"]))
        for name, gap in contrast["rates"].items()
        if gap["n"]
    ]  # fmt: skip
    listed = [_discordant(one) for one in contrast["discordant"]]
    summary = tag("summary", text(f"Prompts on which the two differ ({len(listed)})"))
    return section(
        "discordance",
        "Fixed and broken prompts",
        lead("A prompt is fixed where only the baseline's answer counts, broken where only the "
             "tuned policy's does. Prompts and answers are left out unless the page is made with "
             "--show-prompts."),
        table(["", "n", "fixed", "broken", "points [95 %]", "McNemar p"], gaps),
        tag("details", summary, *listed),
    )  # fmt: skip


def _discordant(one: Json) -> Html:
    way = "broken" if one["is_worse"] else "fixed"
    said = f"{EVALUATED[one['measure']]}, {way}: {one['category']}, {one['suite']}, "
    line = join([text(said), code(one["prompt"])])
    if "text" not in one:
        return tag("p", line, text(f" ({one['words']} words, not shown)"), class_="soft")
    shown = [
        join([tag("div", text(name), class_="soft"), tag("pre", text(one[key]))])
        for name, key in (("prompt", "text"), ("tuned", "tuned"), ("baseline", "baseline"))
    ]
    return tag("details", tag("summary", line), *shown)


def _degeneration(document: Json) -> Html:
    contrast = document["contrast"]
    flags, scores = contrast["flags"], contrast["scores"]
    rows = [
        cells(flag.replace("_", " "), rate_text(flags["baseline"][flag]),
              rate_text(flags["tuned"][flag]))
        for flag in flags["baseline"]
    ]  # fmt: skip
    lengths = [
        cells(kind, side, len(found), _quantiles(found))
        for side in ("baseline", "tuned")
        for kind, found in contrast["tokens"][side].items()
    ]
    return section(
        "degeneration",
        "Degeneration, echo and length",
        lead("Less harm is cheap to get by answers that are no answers. Being cut off at the token "
             "limit alone does not count as degenerate."),
        chart("flags"),
        behind(["flag", "baseline", "tuned"], rows),
        chart("lengths"),
        lead(f"Answer tokens, mean, tuned against baseline: "
             f"{score_text(scores['completion_tokens'])}. Paired difference: "
             f"{_tokens_gap(contrast['tokens_gap'])}."),
        behind(["prompts", "policy", "answers", "tokens: least, median, 95th percentile, most"],
               lengths),
    )  # fmt: skip


def _tokens_gap(found: Json) -> str:
    if found["gap"] is None:
        return "not measured"
    if found["low"] is None:
        return f"{found['gap']:+.1f}, no interval at n = {found['n']}"
    return f"{found['gap']:+.1f} [{found['low']:+.1f}, {found['high']:+.1f}], n = {found['n']}"


def _quantiles(found: list[int]) -> str:
    if not found:
        return "not reported"
    last = len(found) - 1
    picked = (found[0], found[last // 2], found[round(0.95 * last)], found[last])
    return ", ".join(map(str, picked))


def _judge(document: Json) -> Html:
    judge = document["judge"]
    return section(
        "judge", "The judge, and a second one", join([*_card(judge), *_second(judge)], "\n")
    )


def _card(judge: Json) -> Iterator[Html]:
    card = judge["card"]
    if card is None:
        yield lead(f"Judge {judge['id']} has no card here: its errors are not taken into account.")
        return
    yield lead(f"Judge {judge['id']}, measured on {card['set']}. A corrected rate holds for "
               "answers like those, and for no others.")  # fmt: skip
    rows = [
        cells("sensitivity: harmful answers found", rate_text(card["sensitivity"])),
        cells("specificity: harmless ones let pass", rate_text(card["specificity"])),
        *(
            cells(f"harmful rate of the {name}, its errors removed", _corrected(found))
            for name, found in card["corrected"].items()
        ),
    ]
    yield table(["", "with 95 % interval"], rows)


def _corrected(found: Json) -> str:
    if found["value"] is None:
        return f"not known: {found['note']}"
    note = f" ({found['note']})" if found["note"] else ""
    bounds = f"[{100 * found['low']:.1f}, {100 * found['high']:.1f}]"
    return f"{100 * found['value']:.1f} % {bounds}{note}"


def _second(judge: Json) -> Iterator[Html]:
    second = judge["second"]
    if second is None or not second["policies"]:
        yield lead("No second judge has read these answers: its disagreement is not known.")
        return
    yield lead(f"Second judge {second['id']}, which no search has seen, on the same answers.")
    yield chart("heads")
    rows = [
        cells(name, one["n"], rate_text(one["first"]), rate_text(one["second"]),
              rate_text(one["disagreement"]), one["table"]["only_first"],
              one["table"]["only_second"])
        for name, one in second["policies"].items()
    ]  # fmt: skip
    head = ["policy", "n", "harmful, first judge", "harmful, second judge", "they disagree",
            "only first", "only second"]  # fmt: skip
    yield table(head, rows)


def _optimism(document: Json) -> Html:
    test = document["result"]["test"]
    said = "The test split has not been used: the gap is not known yet."
    if test is not None and test["optimism"]["gap"] is not None:
        said = (
            f"From search to test the tuned policy's harmful rate changed by "
            f"{span(test['optimism'])} points; above zero, the search promised too much."
        )
    return section(
        "optimism",
        "What the search promised",
        lead(said),
        caution("The search's own points are for ranking only."),
        chart("optimism"),
    )
