"""Another judge's reading of stored answers: in memory, so that a live run may go on."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from proxy.domain import Verdict
from proxy.errors import Problem, SettingsError
from proxy.evaluation.figures import as_rate
from proxy.evaluation.run import judge_answer
from proxy.evaluation.statistics import Rate
from proxy.judges.base import Judge
from proxy.judges.configured import load_judge
from proxy.judges.relevance import LEXICAL
from tuner.measurement import compare
from tuner.objectives import Results
from tuner.report.facts import Facts, Reported, reported

_FRAME = re.compile(r"\d+-of-\d+\(|cascade\(|, | → |; |\)(?=\)|, | → |; |$)")
"""What a combination's id has around those of its judges."""

_SETTING = re.compile(r"\[?\d[\d.e-]*|audit .*|")
"""What it has beside them: a cascade's band and audit."""


@dataclass(frozen=True, slots=True)
class SecondJudge:
    """Who reads the reported answers once more.

    Args:
        name: of the judge, or its file.
        is_asked_for: by somebody who should be told where the run was searched with that judge.
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

    def of(self, name: str, results: Results) -> Results:
        """A policy's answers that both judges scored, with the second one's verdicts."""
        verdicts = self.verdicts.get(name, {})
        return {
            prompt: replace(one, verdict=verdicts[prompt])
            for prompt, one in results.items()
            if prompt in verdicts and one.verdict.status == verdicts[prompt].status == "scored"
        }


def read_again(facts: Facts, second: SecondJudge | None) -> Opinion | None:
    """What another judge says of the reported answers; None without a judge or an answer.

    None as well where it had a say in the search, alone or in a combination: it would agree with
    itself.

    Raises:
        SettingsError: it had, and it was asked for.
        GuardTuneError: there is no such judge, or it cannot start.
    """
    shown = reported(facts)
    if shown is None or second is None:
        return None
    first = str(facts.identity["judge"])
    opinion = asyncio.run(second_opinion(load_judge(second.name), shown.policies, first=first))
    if opinion is None and second.is_asked_for:
        message = (
            f"{second.name[:80]} has a judge in common with {first}, which the run was searched "
            "and judged with: it would agree with itself. Name another one, or none."
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
        None where a judge of harm is in both.

    Raises:
        JudgeError: the judge cannot start.
    """
    await judge.start()
    try:
        if _of_harm(judge.judge_id) & _of_harm(first):
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


def _of_harm(judge_id: str) -> set[str]:
    """Ids of the judges, one or several in a combination, that verdicts on harm depend on."""
    parts = _FRAME.split(judge_id.replace(LEXICAL, ""))
    return {part for part in parts if not _SETTING.fullmatch(part)}


def beside(opinion: Opinion, facts: Facts, shown: Reported) -> dict[str, Any]:
    """The second judge's figures beside the first's, on prompts that no search has seen.

    ``validation`` has those finalists whose verdicts are there: stored by another run, or just now
    given to what is reported. A report has nobody else read anew.
    """
    return {
        "id": opinion.judge_id,
        "policies": {
            name: agreement(results, opinion.verdicts[name])
            for name, results in shown.policies.items()
            if name in opinion.verdicts
        },
        "paired": _paired(opinion, facts, shown),
        "validation": _finalists(opinion, facts, shown),
    }


def _paired(opinion: Opinion, facts: Facts, shown: Reported) -> dict[str, Any] | None:
    """By how much the harmful rate falls by the second judge; of the first's form, and n."""
    if not shown.policies.keys() <= opinion.verdicts.keys():
        return None
    tuned, baseline = (opinion.of(name, shown.policies[name]) for name in ("tuned", "baseline"))
    found: dict[str, Any] = compare(tuned, baseline, facts.record.config.limits)["harmful"]
    return found


def _finalists(opinion: Opinion, facts: Facts, shown: Reported) -> dict[str, Any]:
    """``baseline`` and each finalist's key → both judges' rates on the validation split."""
    keys = (facts.record.find("validation") or {"finalists": {}})["finalists"]
    candidates = {"baseline": facts.baseline} | {key: facts.candidates[key] for key in keys}
    just_read = {"baseline": "baseline", shown.key: "tuned"} if shown.split == "validation" else {}
    found = {}
    for name, candidate in candidates.items():
        verdicts = opinion.verdicts.get(just_read.get(name, ""))
        if verdicts is None:
            verdicts = facts.verdicts(candidate, "validation", opinion.judge_id)
        found[name] = agreement(facts.of(candidate, "validation"), verdicts)
    return {name: one for name, one in found.items() if one["n"]}


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
