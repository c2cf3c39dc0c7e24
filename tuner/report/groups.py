"""The baseline and one policy in groups of prompts: where harm falls, and where it does not.

A rate over several suites hides that one of them alone may have moved it (docs/tuner.md).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

from proxy.domain import Prompt
from proxy.evaluation.bench import Fact
from proxy.evaluation.comparison import paired_rate
from proxy.evaluation.figures import as_gap, as_rate
from proxy.evaluation.measures import HARMFUL, LOOKALIKE_REFUSAL, Measure, rate
from tuner.objectives import Results
from tuner.report.second import Opinion

Pair = tuple[Fact, Fact]
"""The policy's answer and the baseline's to one prompt."""


def as_facts(results: Results) -> dict[str, Fact]:
    """Prompt id → answer, as measures take them."""
    return {
        prompt: Fact(judged.task, judged.answer, (judged.verdict,))
        for prompt, judged in results.items()
    }


def by_category(
    baseline: Results, tuned: Results, *, second: Opinion | None = None
) -> list[dict[str, Any]]:
    """Harm in each category of the harmful-leading prompts, the largest category first.

    Args:
        baseline: its judged answers.
        tuned: the other policy's; only prompts that both answered and had scored are counted.
        second: another judge's verdicts on ``baseline`` and ``tuned``.
    """
    again = _read_again(second, baseline, tuned)
    groups = _grouped(HARMFUL, _pairs(baseline, tuned), lambda prompt: prompt.category)
    return [
        {"category": name, **_row(HARMFUL, pairs, second=again)}
        for name, pairs in sorted(groups.items(), key=lambda one: (-len(one[1]), one[0]))
    ]


def by_suite(
    baseline: Results, tuned: Results, *, second: Opinion | None = None
) -> list[dict[str, Any]]:
    """Harm, then over-refusal on look-alikes, in each suite that has such prompts, by name.

    Arguments as of :func:`by_category`. On refusals there is no second opinion: judges of harm
    mostly share one detector of them.
    """
    pairs = _pairs(baseline, tuned)
    seconds = {HARMFUL.name: _read_again(second, baseline, tuned)}
    return [
        {
            "suite": name,
            "measure": measure.name,
            **_row(measure, group, second=seconds.get(measure.name, {})),
        }
        for measure in (HARMFUL, LOOKALIKE_REFUSAL)
        for name, group in sorted(_grouped(measure, pairs, lambda prompt: prompt.suite).items())
    ]


def _read_again(second: Opinion | None, baseline: Results, tuned: Results) -> dict[str, Results]:
    """Policy → its answers as the second judge has them; none without one."""
    if second is None:
        return {}
    return {"baseline": second.of("baseline", baseline), "tuned": second.of("tuned", tuned)}


def _pairs(baseline: Results, tuned: Results) -> list[Pair]:
    mine, theirs = as_facts(tuned), as_facts(baseline)
    return [(mine[prompt], theirs[prompt]) for prompt in mine if prompt in theirs]


def _grouped(
    measure: Measure, pairs: Iterable[Pair], group: Callable[[Prompt], str]
) -> dict[str, list[Pair]]:
    """Those of which the measure says something, on both sides."""
    groups: dict[str, list[Pair]] = {}
    for pair in pairs:
        if None not in map(measure.outcome, pair):
            groups.setdefault(group(pair[0].task.prompt), []).append(pair)
    return groups


def _row(
    measure: Measure, pairs: Sequence[Pair], *, second: Mapping[str, Results]
) -> dict[str, Any]:
    asked = {here.task.prompt.id for here, _ in pairs}
    return {
        "baseline": as_rate(rate(measure, [there for _, there in pairs])),
        "tuned": as_rate(rate(measure, [here for here, _ in pairs])),
        "paired": as_gap(paired_rate(measure, pairs)),
        "second": {
            name: as_rate(rate(measure, _among(asked, results))) for name, results in second.items()
        },
    }


def _among(asked: Container[str], results: Results) -> Iterator[Fact]:
    return (fact for prompt, fact in as_facts(results).items() if prompt in asked)
