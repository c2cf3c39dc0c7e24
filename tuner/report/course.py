"""How the search got there: the second half of the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from proxy.evaluation.markup import Html, join, table, tag, text
from tuner.measurement import LABELS
from tuner.report.document import RANKED
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
)
from tuner.writing.history import in_words

_MARKS = {"same": "span", "gone": "del", "new": "ins"}


def course(document: Json) -> Iterator[Html]:
    """The sections, in their order."""
    if not document["trials"]:
        yield caution("No generation has ended yet: there is nothing to draw.")
    else:
        yield _hypervolume(document["hypervolume"])
        yield _funnel(document["funnel"])
        yield _parallel(document["trials"])
        yield _importance(document["importance"])
        if document["ablation"] is not None:
            yield _ablation(document["ablation"])
            yield _genealogy(document["genealogy"])
        if document["writing"] is not None:
            yield _writing(document["writing"])
    yield _health(document["health"])


def _hypervolume(generations: Sequence[Json]) -> Html:
    rows = [
        cells(one["generation"], one["tokens"], f"{one['elapsed_s'] / 60:.1f}",
              _number(one["pessimistic"]), _number(one["raw"]))
        for one in generations
    ]  # fmt: skip
    return section(
        "hypervolume",
        "Progress of the search",
        caution(),
        lead("The share of the square from harmful rate 1 and relevance 0 that the feasible "
             "survivors of each generation dominate, as it was known then. It may fall: survivors "
             "answer more prompts, and luck wears off."),
        chart("hypervolume"),
        behind(["generation", "tokens", "minutes", "pessimistic bounds", "point estimates"], rows),
    )  # fmt: skip


def _funnel(funnel: Json) -> Html:
    rows = [
        cells(one["generation"], one["bred"], one["first"], one["stayed"], one["second"],
              one["survived"], one["saved"])
        for one in funnel["generations"]
    ]  # fmt: skip
    head = ["generation", "tried", "prompts of the first rung", "kept in the race",
            "prompts of the second rung", "new survivors", "answers saved"]  # fmt: skip
    share = funnel["dropped_early"] / funnel["bred"]
    return section(
        "funnel",
        "The race",
        lead(f"{funnel['dropped_early']} of {funnel['bred']} candidates ({share:.0%}) were dropped "
             f"after the first rung, which saved {funnel['answers_saved']:,} answers. Dropped ones "
             "may still survive a selection where nothing better is there."),
        chart("funnel"),
        behind(head, rows),
        *([table(["dropped because", "candidates"],
                 [cells(*one) for one in funnel["reasons"].items()])]
          if funnel["reasons"] else []),
    )  # fmt: skip


def _parallel(trials: Sequence[Json]) -> Html:
    rows = [
        [code(one["key"]), *cells(one["generation"], one["stage"]),
         *(text(measure_text(one["measured"], name)) for name in LABELS),
         text(", ".join(f"{gene} {value}" for gene, value in one["genes"].items()))]
        for one in trials
    ]  # fmt: skip
    return section(
        "parallel",
        "All candidates",
        caution(),
        lead("A line a candidate, a row a figure or gene; finalists in colour, the tested one on "
             "top. Drag along a row to keep only what passes there; click beside it to let go."),
        chart("parallel"),
        behind(["candidate", "generation", "came to", *LABELS.values(), "genes"], rows),
    )  # fmt: skip


def _importance(found: Json) -> Html:
    heading = "Which genes matter"
    if not found["harmful"]:
        return section(
            "importance", heading,
            lead(f"{found['n']} candidates answered enough to be ranked; with fewer than "
                 f"{found['least']} nothing can be said."),
        )  # fmt: skip
    rows = [
        cells(LABELS[name], one["gene"],
              f"{one['value']:.3f} [{one['low']:.3f}, {one['high']:.3f}]",
              "shown" if one["is_shown"] else "not shown at this n")
        for name in RANKED
        for one in found[name]
    ]  # fmt: skip
    values = [
        cells(
            one["gene"], one["value"], one["candidates"], *(_number(one[name]) for name in RANKED)
        )
        for one in found["values"]
    ]
    return section(
        "importance",
        heading,
        caution(),
        lead(f"Rank-based PED-ANOVA over n = {found['n']} candidates, less what chance alone would "
             "give; 95 % intervals by bootstrap over candidates. The search tries more of what it "
             "likes, so this is no experiment. Importance is no direction: the table of values has "
             "the means."),
        chart("importance"),
        lead("The same beside what genes cost: the darker, the more a gene's values set apart the "
             "best quarter in harm and relevance, and the worst in over-refusal and degeneration. "
             "What has no frame is not shown at this n."),
        chart("matrix"),
        behind(["measure", "gene", "divergence above chance [95 %]", ""], rows,
               summary="Table behind both charts"),
        behind(["gene", "value", "candidates", *(f"mean {LABELS[name]}" for name in RANKED)],
               values, summary="Values"),
    )  # fmt: skip


def _ablation(path: Json) -> Html:
    heading = "From the baseline to the best, one gene at a time"
    differing = [cells(one["gene"], one["before"], one["after"]) for one in path["differing"]]
    parts = [
        lead(f"The best differs from the baseline in {len(differing)} genes:"),
        table(["gene", "baseline", "best"], differing),
    ]
    if path["steps"] or path["alone"]:
        parts.append(_where_from(path["split"]))
    if path["steps"]:
        parts += [
            chart("ablation"),
            behind(
                ["change", "harmful rate", "over-refusal"],
                [cells(f"{one['gene']}: {one['after']}", rate_text(one["measured"]["harmful"]),
                       rate_text(one["measured"]["over_refusal"])) for one in path["steps"]],
            ),
        ]  # fmt: skip
    if path["alone"]:
        rows = [
            cells(gene, rate_text(found["harmful"]), rate_text(found["over_refusal"]))
            for gene, found in path["alone"].items()
        ]
        head = ["the best without", "harmful rate", "over-refusal"]
        parts.append(table(head, rows, caption=f"{path['split']} split"))
    if not path["is_whole"]:
        parts.append(
            lead(f"The path ends after {len(path['steps'])} of {len(differing)} steps: the "
                 f"policies in between were never answered. A whole path needs up to "
                 f"{path['missing']} more of them; `guardtune tune ablate` answers them.")
        )  # fmt: skip
    return section("ablation", heading, *parts)


def _where_from(split: str) -> Html:
    if split == "search":
        return caution()
    said = ", on which the best was picked, so its own step flatters it a little"
    return lead(f"Measured on the {split} split{said if split == 'validation' else ''}.")


def _genealogy(found: Json | None) -> Html:
    heading = "Where it comes from"
    if found is None:
        return section(
            "genealogy", heading, lead("This run's journal is from a version that kept no parents.")
        )
    ancestors = (
        "The policy is a founder."
        if len(found["tree"]) == 1
        else f"The {len(found['tree'])} ancestors of the policy; the largest point is itself. "
        "Below, the line of those that it resembles most, from a founder on."
    )
    return section(
        "genealogy",
        heading,
        lead(ancestors),
        chart("genealogy"),
        *(_descent(one) for one in found["line"]),
        tag("details", tag("summary", text("Whole prompt, against the baseline")),
            _diff(found["whole"]), *_marked(found["written"])),
    )  # fmt: skip


def _descent(one: Json) -> Html:
    whence = f"from {one['parent'][:6]}" if one["is_inherited"] else "beside the baseline"
    changed = ", ".join(f"{c['gene']}: {c['before']} → {c['after']}" for c in one["changed"])
    line = join([
        text(f"Generation {one['generation']}, {one['way']}: "), code(one["key"][:6]),
        text(f" {whence}: {changed or 'nothing'}. Harmful in the search, for ranking only: "
             f"{rate_text(one['harmful'])}."),
    ])  # fmt: skip
    if not one["diff"]:
        return tag("p", line)
    return tag("details", tag("summary", line), _diff(one["diff"]), *_marked(one["written"]))


def _marked(written: Json | None) -> Iterator[Html]:
    """Which of the new words a model has written."""
    if written is not None:
        yield tag("p", tag("mark", text(f"written by {written['by']}, {written['operator']}")),
                  text(f" {written['text']}"))  # fmt: skip


def _writing(found: Json) -> Html:
    rows = [
        [code(one["name"]), *cells(one["operator"], one["candidates"], one["stage"], one["text"])]
        for one in found["texts"]
    ]
    return section(
        "writing",
        "Texts that a model wrote",
        caution(),
        lead(f"{in_words(found)} It was shown no prompt and no answer, only texts of policies and "
             "counts of what failed. Texts are taken up for trial, as any other gene is."),
        table(["text", "operator", "candidates with it", "came to", "it says"], rows),
    )  # fmt: skip


def _diff(parts: Sequence[Sequence[str]]) -> Html:
    if not parts:
        return lead("The same words.")
    return tag("pre", *(tag(_MARKS[kind], text(words)) for kind, words in parts))


def _health(health: Json) -> Html:
    speed = health["tokens_per_s"]
    rows: list[tuple[str, object]] = [
        ("answers counted", f"{health['counted']:,}"),
        ("generated by this run", f"{health['generated']:,}"),
        ("from the store, at no cost", f"{health['from_store']:,}"),
        ("failed, and counted as unscored", f"{health['failed']:,}"),
        ("attempts that failed", f"{health['failed_attempts']:,}"),
        ("left unscored by the judge", f"{sum(health['unscored'].values()):,}"),
        ("tokens generated", f"{health['tokens']:,}"),
        ("minutes of work", f"{health['busy_s'] / 60:.1f}"),
        ("tokens a second", "not measured" if speed is None else f"{speed:.1f}"),
    ]
    return section(
        "health",
        "Run health",
        lead("Time includes judging and waiting, and leaves out interruptions of the run."),
        *([chart("speed")] if health["speed"] else []),
        table(["", ""], [cells(*row) for row in rows]),
        *_reasons(["error", "attempts"], health["errors"]),
        *_reasons(["unscored, because", "answers"], health["unscored"]),
        behind(["decision", "minutes of work"],
               [cells(one["kind"], f"{one['elapsed_s'] / 60:.2f}") for one in health["stages"]],
               summary="Timeline"),
    )  # fmt: skip


def _reasons(head: Sequence[str], counts: Mapping[str, int]) -> Iterator[Html]:
    if counts:
        yield table(head, [cells(*one) for one in counts.items()])


def _number(value: float | None) -> str:
    return "not recorded" if value is None else f"{value:.3f}"
