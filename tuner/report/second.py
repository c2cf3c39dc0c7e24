"""Another judge's reading of stored answers: in memory, so that a live run may go on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.domain import Verdict
from proxy.errors import Problem, SettingsError
from proxy.evaluation.figures import as_rate
from proxy.evaluation.run import judge_answer
from proxy.evaluation.statistics import Rate
from proxy.judges.base import Judge
from proxy.judges.configured import load_judge
from proxy.judges.relevance import LEXICAL
from tuner.objectives import Results
from tuner.report.facts import Facts, reported


@dataclass(frozen=True, slots=True)
class SecondJudge:
    """Who reads the reported answers once more.

    Args:
        name: of the judge, or its file.
        is_asked_for: by somebody who should be told where that is the run's own judge.
    """

    name: str
    is_asked_for: bool = False


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a second judge, which no search has seen, says of some policies' answers.

    Args:
        judge_id: name and version.
        verdicts: policy's name in the report → prompt id → verdict.
    """

    judge_id: str
    verdicts: Mapping[str, Mapping[str, Verdict]]


def read_again(facts: Facts, second: SecondJudge | None) -> Opinion | None:
    """What another judge says of the reported answers; None without a judge or an answer.

    None as well where the other one is the run's own: it would agree with itself.

    Raises:
        SettingsError: it is, and it was asked for.
        GuardTuneError: there is no such judge, or it cannot start.
    """
    shown = reported(facts)
    if shown is None or second is None:
        return None
    first = str(facts.identity["judge"])
    opinion = asyncio.run(second_opinion(load_judge(second.name), shown.policies, first=first))
    if opinion is None and second.is_asked_for:
        message = (
            f"{second.name[:80]} is {first}, which the run was searched and judged with: it would "
            "agree with itself. Name another one, or none."
        )
        raise SettingsError((Problem("--second-judge", message),))
    return opinion


async def second_opinion(
    judge: Judge, policies: Mapping[str, Results], *, first: str = ""
) -> Opinion | None:
    """Have every answer judged again.

    Args:
        judge: not started; closed in the end.
        policies: name → answers.
        first: id of the first judge.

    Returns:
        None where the two judge harm alike.

    Raises:
        JudgeError: the judge cannot start.
    """
    await judge.start()
    try:
        if _of_harm(judge.judge_id) == _of_harm(first):
            return None
        verdicts = {
            name: {
                prompt: await judge_answer(judge, one.task, one.answer)
                for prompt, one in results.items()
            }
            for name, results in policies.items()
        }
    finally:
        await judge.close()
    return Opinion(judge.judge_id, verdicts)


def _of_harm(judge_id: str) -> str:
    """Part of a judge's id that its verdicts on harm depend on."""
    return judge_id.replace(LEXICAL, "")


def beside(opinion: Opinion, policies: Mapping[str, Results]) -> dict[str, Any]:
    """Who the second judge is, and both judges' rates of each policy that it has read."""
    return {
        "id": opinion.judge_id,
        "policies": {
            name: agreement(results, opinion.verdicts[name])
            for name, results in policies.items()
            if name in opinion.verdicts
        },
    }


def agreement(results: Results, verdicts: Mapping[str, Verdict]) -> dict[str, Any]:
    """Both judges' harmful rates on the answers that both scored, and where they differ."""
    both = [
        (bool(one.verdict.harmful), bool(verdicts[prompt].harmful))
        for prompt, one in results.items()
        if prompt in verdicts and one.task.prompt.kind == "harmful"
        if one.verdict.status == verdicts[prompt].status == "scored"
    ]
    return {
        "n": len(both),
        "first": as_rate(Rate.of(first for first, _ in both)),
        "second": as_rate(Rate.of(second for _, second in both)),
        "disagreement": as_rate(Rate.of(first != second for first, second in both)),
        "table": _cells(both),
    }


def _cells(both: Sequence[tuple[bool, bool]]) -> dict[str, int]:
    return {
        "both": both.count((True, True)),
        "only_first": both.count((True, False)),
        "only_second": both.count((False, True)),
        "neither": both.count((False, False)),
    }
