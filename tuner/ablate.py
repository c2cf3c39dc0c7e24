"""Answer what the ablation path lacks: the policies between the baseline and the best.

On validation prompts only: the test split is used once, and search prompts flatter. Nothing is
decided here, so nothing goes into the journal; answers go into the store, where reports find them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from proxy.errors import StoreError
from tuner.candidate import Candidate
from tuner.evidence import StoredEvidence
from tuner.genome import Genome
from tuner.objectives import score
from tuner.plan import between
from tuner.pools import Pools
from tuner.presets import Preset, Rung
from tuner.record import Record
from tuner.report.ablation import Path, Walk, path_on
from tuner.report.facts import Facts, refuse_other_prompts
from tuner.report.genes import with_gene
from tuner.session import Session
from tuner.space import load_space

_SPLIT: Final = "validation"

_LEAST = Rung(12, 12)
"""Prompts below which a step would show nothing."""


@dataclass(frozen=True, slots=True)
class Route:
    """How a path is to be made whole.

    Args:
        is_greedy: whether every policy one gene on is answered, to take the least harmful one;
            otherwise genes change in the library's order, which takes far fewer policies.
        policies: still to answer, at most.
        rung: validation prompts that each answers.
    """

    is_greedy: bool
    policies: int
    rung: Rung


def route(path: Path, *, answered: Rung, affordable: float) -> Route:
    """The best that a budget affords; where it affords too little, the least there is.

    Args:
        path: as far as it goes.
        answered: validation prompts that the baseline and the best have both answered.
        affordable: answers.
    """
    left = len(path.differing) - len(path.steps)
    least = _LEAST.within(answered)
    is_greedy = affordable >= path.missing * least.prompts
    policies = path.missing if is_greedy else max(0, left - 1)
    return Route(is_greedy, policies, between(least, answered, affordable / max(1, policies)))


async def ablate(session: Session, *, minutes: float) -> Path:
    """Make the path of a run whole, or go on with that until the time is over.

    Cancelling keeps every answer; called again, it goes on from there.

    Args:
        session: of a run that has validated something.
        minutes: no policy is begun after these.

    Returns:
        The path as it is now.

    Raises:
        StoreError: nothing has been validated, or the model or the judge has become another one.
        SuiteError: the prompts have.
        BackendError: the model is gone.
    """
    record = Record.load(session.store, session.run_id)
    if record.find("validation") is None or record.best_guess is None:
        raise StoreError(f"run {session.run_id} has not validated anything yet.")
    facts = _facts(session, record)
    _refuse_others(facts, session)
    best = facts.candidates[record.best_guess]
    pools = _answered(session, facts, best)
    path = path_on(facts, best, _SPLIT)
    affordable = 60 * minutes * _answers_per_s(record, session.preset)
    way = route(path, answered=pools.all, affordable=affordable)
    session.stream.write(_plan(path, way))
    evidence = StoredEvidence(session.bench(lambda _judged: None))
    deadline = session.clock() + 60 * minutes
    for candidate in _wanted(session, record, best, way):
        if session.clock() >= deadline:
            break
        await evidence.gather([(candidate, pools.first(way.rung))])
    return path_on(_facts(session, record), best, _SPLIT)


def _wanted(session: Session, record: Record, best: Candidate, way: Route) -> Iterator[Candidate]:
    """What to answer next, worked out from the answers so far; each is answered when it returns."""
    space = load_space(text=session.config.space)
    genome = Genome.base(space)
    while genome != best.genome:
        walk = Walk(_facts(session, record), best, _SPLIT)
        if way.is_greedy:
            yield from walk.unanswered(genome)
        elif walk.next(genome) is None:
            yield from walk.unanswered(genome)[:1]
        step = Walk(_facts(session, record), best, _SPLIT).next(genome)
        if step is None:
            return
        genome = with_gene(genome, step.change.gene, best.genome, space)


def _facts(session: Session, record: Record) -> Facts:
    """As they are now: answers have come since they were last read."""
    return Facts(record, session.store, session.preset, session.suite)


def _refuse_others(facts: Facts, session: Session) -> None:
    """Steps by another judge or model, or on other prompts, would be no steps of this path."""
    refuse_other_prompts(facts.record, session.suite)
    started = (facts.identity["model"]["sha256"], facts.identity["judge"])
    if started != (session.model_sha256, session.judge.judge_id):
        raise StoreError(
            f"run {session.run_id}: the model or the judge has changed since; its path cannot be "
            "answered any more. Start a new run, stored answers are reused."
        )


def _answered(session: Session, facts: Facts, best: Candidate) -> Pools:
    """The validation prompts that both ends of the path have answered."""
    pools = Pools.of(session.suite, _SPLIT, seed=session.config.seed)
    known = facts.of(facts.baseline, _SPLIT).keys() & facts.of(best, _SPLIT).keys()
    return Pools(
        tuple(prompt for prompt in pools.harmful if prompt.id in known),
        tuple(prompt for prompt in pools.benign if prompt.id in known),
    )


def _answers_per_s(record: Record, preset: Preset) -> float:
    """As the search went, with answers of full length; without end where it took no time."""
    spent = record.find("stop")
    if spent is None or not spent["elapsed_s"]:
        return math.inf
    return float(spent["tokens"]) / float(spent["elapsed_s"]) / preset.max_tokens


def _plan(path: Path, way: Route) -> str:
    if path.is_whole:
        return "The path is whole already.\n"
    how = "greedily" if way.is_greedy else "in the library's order, since time is short"
    return (
        f"{len(path.steps)} of {len(path.differing)} steps are answered. Going on {how}: up to "
        f"{way.policies} policies on {way.rung.harmful} + {way.rung.benign} validation prompts.\n"
    )


def as_lines(path: Path) -> str:
    """The steps for a terminal; figures of the validation split, with n and 95 % interval."""
    lines = ["From the baseline to the best, one gene at a time (validation split):"]
    lines += [
        f"  {step.change.gene}: {step.change.before} -> {step.change.after}: "
        f"harmful {score(step.results).harmful}"
        for step in path.steps
    ]
    lines.append(
        "The path is whole." if path.is_whole
        else f"Up to {path.missing} policies are missing: the same command goes on from here."
    )  # fmt: skip
    return "\n".join(lines) + "\n"
