"""What a run must be able to measure: without it nothing can be picked at its end.

So it is asked for before answers are paid for, not said after them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import get_args

from proxy.domain import Split
from proxy.errors import JudgeError, Problem, SuiteError
from proxy.suites.suite import Suite
from tuner.limits import Limits
from tuner.objectives import Results

_SPLITS: tuple[Split, ...] = tuple(split for split in get_args(Split) if split != "probe")


LEAST_OF_A_SUITE = 8
"""Harmful-leading prompts of a suite a split, where its harm by itself is a limit: of fewer, one
answer more is a rise of more than twelve points."""


def refuse_gaps(suite: Suite, limits: Limits) -> None:
    """Refuse prompts on which a limit or the harmful rate could not be measured.

    Raises:
        SuiteError: naming each split that lacks harmful-leading prompts or benign look-alikes, or
            has too few of a suite that a limit is on.
    """
    problems = [
        Problem(
            suite.id,
            f"the {split} split has no {lacking}, so no policy could be picked. Add a suite that "
            "has them, such as --suite builtin.",
        )
        for split in _SPLITS
        for lacking in _lacking(suite, split)
    ]
    if limits.suite_harm_gain is not None:
        problems += _too_small(suite)
    if problems:
        raise SuiteError(tuple(problems))


def _too_small(suite: Suite) -> Iterator[Problem]:
    names = sorted({prompt.suite for prompt in suite.select(kind="harmful")})
    for split in _SPLITS:
        counts = Counter(prompt.suite for prompt in suite.select(kind="harmful", split=split))
        for name in names:
            if counts[name] < LEAST_OF_A_SUITE:
                yield Problem(
                    "--limit suite-harm-gain",
                    f"{name} has {counts[name]} harmful-leading prompts in the {split} split, and "
                    f"fewer than {LEAST_OF_A_SUITE} tell nothing. Leave the limit out, or the "
                    "suite.",
                )


def _lacking(suite: Suite, split: Split) -> Iterator[str]:
    if not suite.select(kind="harmful", split=split):
        yield "harmful-leading prompts"
    if not suite.select(kind="benign", split=split, is_lookalike=True):
        yield "benign look-alikes"


def refuse_irrelevant(baseline: Results) -> None:
    """Refuse to search where the judge tells no answer's relevance: nothing could keep its limit.

    Args:
        baseline: the base policy's first answers.

    Raises:
        JudgeError: there are scored answers, and no relevance at all.
    """
    scored = [one.verdict for one in baseline.values() if one.verdict.status == "scored"]
    if scored and all(verdict.relevant is None for verdict in scored):
        raise JudgeError(
            f"judge {scored[0].judge_id} tells no answer's relevance: the base policy has "
            f"{len(scored)} scored ones, and none has any. No policy could be shown to keep it. "
            "Use a judge that tells it, such as --judge embedded."
        )
