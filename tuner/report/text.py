"""What a run found, as text for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from proxy.evaluation.statistics import Rate
from proxy.suites.summary import counted
from tuner.checkpoint import digest
from tuner.export import why_not
from tuner.limit_wording import asked_text, found_text, shown_text
from tuner.measurement import LABELS, printed
from tuner.record import Record, test_used
from tuner.search import UNAFFORDABLE
from tuner.writing.history import in_words, summary

_WIDTH = 36

LEXICAL_RELEVANCE = (
    "Relevance was judged by shared words alone (--allow-lexical): what repeats the request's "
    "words looks relevant"
)
"""What stands beside such figures."""


def as_json(record: Record) -> dict[str, Any]:
    """The result as JSON values.

    Search figures are in it only as the gap to the test and as counts, never as results.
    """
    generations = [one.body for one in record.decisions if one.kind == "generation"]
    return {
        "run": record.run.id,
        "name": record.config.name,
        "preset": record.config.preset,
        "algorithm": record.config.algorithm,
        "seed": record.config.seed,
        "limits": asdict(record.config.limits),
        "constraints": record.config.constraints,
        "multipliers": record.multipliers,
        "is_relevance_lexical": record.is_lexical,
        "is_finished": record.is_finished,
        "journal": digest(record.decisions),
        "identity": record.find("run"),
        "funnel": {
            "generations": len(generations),
            "candidates": sum(len(body["candidates"]) for body in generations),
            "stayed": sum(len(body["stayed"]) for body in generations),
            "dropped": record.dropped,
        },
        "writer": summary(record),
        "search_ended": record.find("search_ended"),
        "validation": record.find("validation"),
        "test": record.find("test"),
        "earlier_tests": record.earlier_tests,
        "chosen": record.chosen,
        "why_not_exported": why_not(record),
    }


def as_text(
    record: Record,
    second: Mapping[str, Any] | None = None,
    *,
    by_suite: Mapping[str, Any] | None = None,
) -> str:
    """The result as lines for a terminal.

    Args:
        record: of the run.
        second: what another judge says of it, as in :func:`tuner.report.result.as_result`.
        by_suite: what was found in each suite, as there; one alone is not shown.
    """
    return "\n".join(_lines(as_json(record), second, by_suite=by_suite)) + "\n"


def _lines(
    result: Mapping[str, Any],
    second: Mapping[str, Any] | None,
    *,
    by_suite: Mapping[str, Any] | None,
) -> Iterator[str]:
    funnel, ended = result["funnel"], result["search_ended"]
    state = ended["reason"] if ended else "search not finished"
    started = f"{result['preset']}, {result['algorithm']}, seed {result['seed']}"
    yield f"Run {result['run']} ({started}): {state}"
    yield (
        f"{funnel['candidates']} candidates in {counted(funnel['generations'], 'generation')}, "
        f"{_beaten(funnel['dropped'])} dropped after the first rung"
    )
    if result["writer"] is not None:
        yield in_words(result["writer"])
    if result["is_relevance_lexical"]:
        yield f"{LEXICAL_RELEVANCE}."
    if result["test"]:
        if result["chosen"] is None:
            yield f"Validation picked nothing; rule: {result['validation']['rule']}."
        yield ""
        judge, used = result["identity"]["judge"], test_used(result["earlier_tests"])
        yield f"Test split, {used} (judge {judge}; rates with n and 95 % interval)"
        yield from _test_lines(result["test"])
    elif result["validation"]:
        yield from _validation_lines(result["validation"], second)
    if by_suite is not None and len({row["suite"] for row in by_suite["rows"]}) > 1:
        yield from _suite_lines(by_suite)
    if second is not None:
        yield from _second_lines(second)
    if not result["is_finished"]:
        yield "The run has not ended: `guardtune tune resume` goes on from here."
    elif result["why_not_exported"]:
        yield f"Nothing to give to users: {result['why_not_exported']}."


def _beaten(dropped: Mapping[str, int]) -> int:
    """Candidates that lost the race, not those that time or tokens left behind."""
    return sum(count for why, count in dropped.items() if why not in UNAFFORDABLE)


def _test_lines(test: Mapping[str, Any]) -> Iterator[str]:
    yield f"{'':26}{'baseline':{_WIDTH}}tuned"
    for name, label in LABELS.items():
        yield f"{label:26}{printed(test['baseline'], name):{_WIDTH}}{printed(test['tuned'], name)}"
    yield ""
    yield from _comparison_lines(test["compared"])
    gap = test["optimism"]
    if gap["gap"] is not None:
        yield (
            f"search to test: {_points(gap['gap'])} points [{_points(gap['low'])}, "
            f"{_points(gap['high'])}] in the tested policy's harmful rate; above zero, the search "
            "promised too much"
        )


def _suite_lines(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"By suite ({found['split']} split), baseline and then {found['key']}"
    for row in found["rows"]:
        gap = row["paired"]
        name = "harmful" if row["measure"] == "harmful" else "look-alikes refused"
        before, after = (Rate(row[side]["k"], row[side]["n"]) for side in ("baseline", "tuned"))
        span = f"{_points(gap['gap'])} points [{_points(gap['low'])}, {_points(gap['high'])}]"
        yield f"  {name}, {row['suite']}: {before}; {after}; paired {span}"


def _second_lines(second: Mapping[str, Any]) -> Iterator[str]:
    yield f"Second judge {second['id']}, which no search has seen ({second['split']} split)"
    for name, one in second["policies"].items():
        first, other, apart = (
            Rate(one[part]["k"], one[part]["n"]) for part in ("first", "second", "disagreement")
        )
        yield f"  harmful, {name}: {other}; by the first judge {first}; they disagree on {apart}"
    if second["paired"] is not None:
        yield from map("  {}".format, _harm_lines(second["paired"]))


def _comparison_lines(compared: Mapping[str, Any]) -> Iterator[str]:
    relevance = compared["relevance"]
    yield from _harm_lines(compared["harmful"])
    if relevance["gap"] is not None:
        yield (
            f"relevance, paired: {relevance['gap']:+.3f} [{relevance['low']:+.3f}, "
            f"{relevance['high']:+.3f}], n = {relevance['n']}; "
            f"Wilcoxon p = {relevance['wilcoxon_p']:.2g}; limit {relevance['limit']:+.2f}: "
            f"{_verdict(relevance)}, {_shown(relevance)}"
        )
    for limit in compared["limits"]:
        yield _limit_line(limit)


def _harm_lines(harm: Mapping[str, Any]) -> Iterator[str]:
    """One, or none where nothing was counted."""
    if harm["gap"] is not None:
        yield (
            f"harmful rate, paired: {_points(harm['gap'])} points "
            f"[{_points(harm['low'])}, {_points(harm['high'])}], n = {harm['n']}; "
            f"{harm['fixed']} prompts fixed, {harm['broken']} broken; exact McNemar "
            f"p = {harm['mcnemar_p']:.2g}; A12 = {harm['a12']:.2f}"
        )


def _limit_line(limit: Mapping[str, Any]) -> str:
    if limit["value"] is None:
        return f"limit on {limit['name']}: not measured"
    return (
        f"limit on {limit['name']}: {found_text(limit)}, n = {limit['n']}, {asked_text(limit)}: "
        f"{_verdict(limit)}, {shown_text(limit)}"
    )


def _shown(relevance: Mapping[str, Any]) -> str:
    return "shown" if relevance["low"] >= relevance["limit"] else "not shown at this n"


def _verdict(limit: Mapping[str, Any]) -> str:
    return f"{'kept' if limit['is_met'] else 'EXCEEDED'} at the point estimate"


def _validation_lines(
    validation: Mapping[str, Any], second: Mapping[str, Any] | None
) -> Iterator[str]:
    yield ""
    yield "Validation split; the test split has not been used yet"
    yield f"rule: {validation['rule']}"
    for key, measured in [
        ("baseline", validation["baseline"]),
        *((key, one["measured"]) for key, one in validation["finalists"].items()),
    ]:
        yield key
        by_second = None if second is None else second["validation"].get(key)
        for name, label in LABELS.items():
            yield f"  {label:26}{printed(measured, name)}"
            if name == "harmful" and by_second is not None:
                other = by_second["second"]
                yield f"  {'  by the second judge':26}{Rate(other['k'], other['n'])}"


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"
