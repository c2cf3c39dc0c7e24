"""What one evaluation was asked to do: read and checked before the first answer is paid for."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from proxy.backends.config import ModelConfig
from proxy.domain import Prompt
from proxy.errors import GuardTuneError, InvalidInputError, Problem, SettingsError
from proxy.evaluation.choices import Asked
from proxy.evaluation.gates import Gate, read_gates
from proxy.evaluation.model_choice import choose_model
from proxy.evaluation.session import Sources, choose_prompts
from proxy.judges.base import Judge
from proxy.judges.configured import load_judge
from proxy.judges.registry import JUDGES
from proxy.policy.schema import PASSTHROUGH, Policy
from proxy.policy.source import load_policy
from proxy.suites.builtin import ID as BUILTIN
from proxy.suites.loaders import is_choices, load_choices, load_suite
from proxy.suites.suite import Suite, combine

_T = TypeVar("_T")

SECOND: Final = "embedded-ngrams"
"""Stands beside every rate where it is installed; no search ever sees it."""

AUTO, NONE = "auto", "none"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be measured, with what.

    Args:
        model: its configuration.
        policies: the first is the baseline of comparisons.
        suites: each by itself.
        prompts: what is asked.
        choices: multiple-choice suites and their questions.
        judges: not yet started; the first decides.
        gates: on which the command fails.
    """

    model: ModelConfig
    policies: Sources
    suites: tuple[Suite, ...]
    prompts: tuple[Prompt, ...]
    choices: tuple[Asked, ...]
    judges: tuple[Judge, ...]
    gates: tuple[Gate, ...]


def read_order(arguments: argparse.Namespace) -> Order:
    """Read everything that the command line names.

    Raises:
        SettingsError: with every mistake in all of it.
    """
    wrong = _Mistakes()
    model = wrong.of("--model", lambda: choose_model(arguments.model, arguments.config))
    policies = [
        (str(path), wrong.of(str(path), partial(_policy, path))) for path in arguments.policy
    ]
    if not arguments.policy:
        policies = [(PASSTHROUGH.name, PASSTHROUGH)]
    named = [policy.name for _, policy in policies if policy is not None]
    wrong.problems += _used_twice(named)
    specs = arguments.suite or [BUILTIN]
    judged = [spec for spec in specs if not is_choices(spec)]
    suites = [wrong.of(s, partial(load_suite, s)) for s in judged]
    choices = [
        wrong.of(s, partial(_choices, s, arguments.n, arguments.seed))
        for s in specs
        if is_choices(s)
    ]
    judges = _judges(arguments.judge, arguments.second_judge, wrong)
    gates, problems = read_gates(arguments.fail_if, named if len(named) == len(policies) else None)
    wrong.problems += problems
    loaded = tuple(suite for suite in suites if suite is not None)
    prompts = _prompts(loaded, arguments, wrong) if loaded and len(loaded) == len(suites) else ()
    if wrong.problems or model is None:
        raise SettingsError(tuple(wrong.problems))
    known = tuple((source, policy) for source, policy in policies if policy is not None)
    asked = tuple(one for one in choices if one is not None)
    return Order(model, known, loaded, prompts, asked, judges, tuple(gates))


class _Mistakes:
    """Collects what is wrong while reading goes on."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def of(self, source: str, read: Callable[[], _T]) -> _T | None:
        """What was read; None where it cannot be used."""
        try:
            return read()
        except InvalidInputError as error:
            self.problems += error.problems
        except GuardTuneError as error:
            self.problems.append(Problem(source, str(error)))
        return None


def _policy(path: Path) -> Policy:
    return PASSTHROUGH if str(path) == PASSTHROUGH.name else load_policy(path, root=path.parent)


def _choices(spec: str, n: int | None, seed: int) -> Asked:
    suite = load_choices(spec)
    return Asked(suite, suite.sample(len(suite) if n is None else n, seed))


def _judges(first: str, second: str, wrong: _Mistakes) -> tuple[Judge, ...]:
    if second == AUTO:
        second = SECOND if SECOND in JUDGES and first != SECOND else NONE
    if second == first:
        wrong.problems.append(_repeated(second))
        second = NONE
    specs = [("--judge", first)] + ([] if second == NONE else [("--second-judge", second)])
    judges = [wrong.of(flag, partial(load_judge, spec)) for flag, spec in specs]
    return tuple(judge for judge in judges if judge is not None)


def distinct(judges: tuple[Judge, ...], second: str) -> tuple[Judge, ...]:
    """The judges, once they have started, none of them twice: it would agree with itself.

    Args:
        judges: started; only then is it known which model stands behind a name.
        second: what ``--second-judge`` says.

    Raises:
        SettingsError: the second was asked for and is the first.
    """
    if len({judge.judge_id for judge in judges}) == len(judges):
        return judges
    if second == AUTO:
        return judges[:1]
    raise SettingsError((_repeated(second),))


def _repeated(second: str) -> Problem:
    message = f"{second[:80]!r} is --judge already. Name another one, or {NONE}."
    return Problem("--second-judge", message)


def _prompts(
    suites: tuple[Suite, ...], arguments: argparse.Namespace, wrong: _Mistakes
) -> tuple[Prompt, ...]:
    combined = wrong.of("--suite", lambda: combine(suites))
    if combined is None:
        return ()
    prompts = choose_prompts(
        combined.prompts, split=arguments.split, per_kind=arguments.n, seed=arguments.seed
    )
    if not prompts:
        message = f"split {arguments.split} of {combined.id} holds no prompt. Choose another."
        wrong.problems.append(Problem("--split", message))
    return prompts


def _used_twice(names: Iterable[str]) -> list[Problem]:
    return [
        Problem("--policy", f"the name {name} is used twice. Rename one of the policies.")
        for name, count in Counter(names).items()
        if count > 1
    ]
