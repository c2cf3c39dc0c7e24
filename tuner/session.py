"""A run from start to end: search, validate, test, and leave a record of every decision."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TextIO, get_args

from proxy.backends.base import Backend
from proxy.backends.identity import weights_of
from proxy.domain import Split
from proxy.errors import Problem, SpaceError
from proxy.evaluation.run import Judged
from proxy.evaluation.store import EvaluationStore
from proxy.judges.base import Judge
from proxy.suites.overlap import NgramIndex
from proxy.suites.suite import Suite
from tuner.algorithms import require
from tuner.candidate import Candidate
from tuner.checkpoint import Journal
from tuner.config import RunConfig
from tuner.coverage import refuse_gaps
from tuner.evidence import Bench, Failure, StoredEvidence
from tuner.executor import Executor
from tuner.finals import PICK_RULE, Round, finalists, test, validate
from tuner.ledger import Ledger
from tuner.limit_wording import HANDLED
from tuner.nursery import Nursery
from tuner.outlook import Outlook, about
from tuner.plan import OVERTIME
from tuner.pools import Pools
from tuner.presets import Preset
from tuner.progress import Progress
from tuner.qualifying import qualify
from tuner.record import Record
from tuner.search import Found, Search, generator
from tuner.space import Space, load_space
from tuner.speed import recent_speed
from tuner.stopping import stop_file
from tuner.watch import Watch
from tuner.writing.guards import Guards
from tuner.writing.scribe import Allowance, Commission, commissioned
from tuner.writing.writer import MAX_TOKENS, Writer

Rounds = Mapping[Split, Round]


@dataclass(frozen=True, slots=True)
class Session:
    """One run and everything it works with.

    Args:
        config: of the run.
        preset: how much may be spent.
        run_id: of a run in the store.
        store: open for writing.
        backend: started.
        judge: started.
        suite: prompts of all splits.
        model_sha256: identity of the model.
        executor: answers and judges, here or elsewhere.
        stream: gets plan and progress; usually stderr.
        clock: monotonic seconds.
        writer: started; None where nobody writes texts.
    """

    config: RunConfig
    preset: Preset
    run_id: str
    store: EvaluationStore
    backend: Backend
    judge: Judge
    suite: Suite
    model_sha256: str
    executor: Executor
    stream: TextIO
    clock: Callable[[], float] = time.monotonic
    writer: Writer | None = None

    def bench(self, on_answer: Callable[[Judged], None]) -> Bench:
        """What answers and judges for this run.

        Args:
            on_answer: called for each answer that is not from the store.
        """
        return Bench(
            executor=self.executor,
            judge=self.judge,
            store=self.store,
            served=self.backend.model,
            model=self.model_sha256,
            run_seed=self.config.seed,
            max_tokens=self.preset.max_tokens,
            on_answer=on_answer,
        )


async def run_session(session: Session) -> str | None:
    """Search, validate and test; the decisions in the store hold the results.

    Cancelling keeps every answer; called again with the same run id, it goes on from there.

    Args:
        session: with a new run, or with an interrupted one.

    Returns:
        The chosen candidate's key, or None where nothing beats the baseline.

    Raises:
        SpaceError: the library cannot be used, or quotes a prompt it would be measured on.
        SuiteError: a split lacks prompts without which nothing can be picked.
        JudgeError: the judge tells no answer's relevance.
        BackendError: the model is gone.
        StoreError: nothing can be kept, or the run would not be the same run.
    """
    space = load_space(text=session.config.space)
    refuse_leaks(space, session.suite)
    refuse_gaps(session.suite, session.preset.limits)
    watch = Watch(session.clock)
    progress = Progress(
        session.stream,
        generations=session.preset.generations,
        total_s=session.preset.total_s,
        elapsed_s=watch.elapsed_s,
        clock=session.clock,
    )
    ledger = Ledger(Journal(session.store, session.run_id), watch, progress)
    try:
        chosen = await _run(session, space, ledger)
    finally:
        progress.close()
    return None if chosen is None else chosen.key


async def _run(session: Session, space: Space, ledger: Ledger) -> Candidate | None:
    rounds = _rounds(session, ledger)
    ledger.decide("run", _identity(session, space, rounds))
    ledger.progress.say(_plan_text(session, rounds))
    found = await _search(session, space, rounds, ledger).run()
    chosen = await _finish(session, found, rounds, ledger)
    key = None if chosen is None else chosen.key
    ledger.observe("finished", lambda _elapsed_s: {"chosen": key})
    return chosen


def _search(session: Session, space: Space, rounds: Rounds, ledger: Ledger) -> Search:
    config, searched = session.config, rounds["search"]
    algorithm = require(config.algorithm)
    rng = generator(config.seed)
    breeder = algorithm.breeder(space, rng)
    scribe = None
    if session.writer is not None:
        terms = _commission(session, session.writer, space)
        breeder, scribe = commissioned(terms, breeder, searched.evidence, ledger)
    return Search(
        session.preset,
        nursery=Nursery(space, config.base_policy, rng, breeder),
        races=algorithm.races,
        tokens=config.tokens,
        handling=config.constraints,
        stop_file=stop_file(session.store.path),
        pools=searched.pools,
        evidence=searched.evidence,
        ledger=ledger,
        rng=rng,
        scribe=scribe,
        outlook=_outlook(session, rounds),
    )


def _outlook(session: Session, rounds: Rounds) -> Outlook:
    return Outlook(
        session.preset,
        require(session.config.algorithm).races,
        session.config.tokens,
        search=rounds["search"].pools.all,
        validation=rounds["validation"].pools.all,
        test=rounds["test"].pools.all,
    )


def _commission(session: Session, writer: Writer, space: Space) -> Commission:
    return Commission(
        writer=writer,
        guards=Guards(NgramIndex(session.suite)),
        allowance=_allowance(session),
        space=space,
        base=session.config.base_policy,
        seed=session.config.seed,
    )


def _allowance(session: Session) -> Allowance:
    preset = session.preset
    return Allowance.of(preset.generations, preset.offspring, session.config.writer_calls)


async def _finish(
    session: Session, found: Found, rounds: Rounds, ledger: Ledger
) -> Candidate | None:
    """Validate the finalists, and test the first of them whether or not it may be exported."""
    evidence = rounds["search"].evidence
    found = await qualify(found, rounds, preset=session.preset, ledger=ledger)
    best = finalists(found, evidence, session.preset)
    if not best:
        return None
    rate = evidence.rate(ledger.watch.elapsed_s())
    ledger.progress.phase(f"validating {len(best)} finalists")
    first, qualifies = await validate(
        found,
        best,
        rounds["validation"],
        test_split=rounds["test"].pools.all,
        preset=session.preset,
        ledger=ledger,
        rate=rate,
    )
    ledger.progress.phase(
        "testing the chosen policy" if qualifies else "testing a policy that is not picked"
    )
    await test(
        found,
        first,
        rounds["test"],
        searched=evidence.of(first),
        preset=session.preset,
        ledger=ledger,
        rate=rate,
        earlier=earlier_tests(session),
    )
    return first if qualifies else None


def earlier_tests(session: Session) -> int:
    """Other runs in the store that were tested with this model on prompts of this test split."""
    ours = {prompt.id for prompt in session.suite.select(split="test")}
    written = session.store.written(session.model_sha256, since=0.0)
    seen = {one.phenotype for one in written if one.prompt_id in ours}
    records = (Record(run, session.store.decisions(run.id)) for run in session.store.runs())
    return sum(
        record.run.id != session.run_id
        and (record.find("test") or {"key": None})["key"] in seen
        and (record.find("run") or {})["model"]["sha256"] == session.model_sha256
        for record in records
    )


def refuse_leaks(space: Space, suite: Suite) -> None:
    """Refuse a library that quotes the prompts it would be measured on.

    Raises:
        SpaceError: with every text that shares five words in a row with a prompt.
    """
    index = NgramIndex(suite)
    shared = [(text, index.shared(text)) for text in space.texts()]
    problems = tuple(
        Problem(
            "space", f'"{text[:60]}…" shares "{found[0]}" with a prompt of {suite.id}. Reword it.'
        )
        for text, found in shared
        if found
    )
    if problems:
        raise SpaceError(problems)


def _rounds(session: Session, ledger: Ledger) -> Rounds:
    bench = session.bench(ledger.progress.answered)
    failed = [failure for body in ledger.journal.recorded("failed") for failure in body["answers"]]

    def write_down(failures: Sequence[Failure]) -> None:
        ledger.decide("failed", {"answers": failures})

    splits: tuple[Split, ...] = get_args(Split)
    return {
        split: Round(
            Pools.of(session.suite, split, seed=session.config.seed),
            StoredEvidence(
                bench,
                failed=failed,
                on_failed=write_down,
                is_replaying=lambda: ledger.journal.is_replaying,
            ),
        )
        for split in splits
        if split != "probe"
    }


def _identity(session: Session, space: Space, rounds: Rounds) -> dict[str, object]:
    """What a resumed run must find unchanged, and what an exported policy says of its origin."""
    weights = weights_of(session.backend)
    return {
        "model": {
            "name": session.backend.model,
            "sha256": session.model_sha256,
            **({} if weights is None else {"weights": weights}),
        },
        "suite": {"name": session.suite.id, "sha256": session.suite.sha256},
        "judge": session.judge.judge_id,
        "algorithm": session.config.algorithm,
        "pick": PICK_RULE.format(loss=session.preset.limits.relevance_loss),
        "sizes": asdict(session.preset),
        "base": str(session.config.base_policy.ref),
        "splits": {
            split: {"harmful": one.pools.all.harmful, "benign": one.pools.all.benign}
            for split, one in rounds.items()
        },
        "genes": {
            "slots": len(space.slots),
            "demonstrations": len(space.demonstrations),
            "settings": len(space.grids),
        },
        **_written_by(session),
        "deap": version("deap"),
    }


def _written_by(session: Session) -> dict[str, object]:
    if session.writer is None:
        return {}
    writer = {"name": session.writer.name, "sha256": session.writer.sha256}
    return {"writer": writer | {"most_calls": _allowance(session).calls}}


def _plan_text(session: Session, rounds: Rounds) -> str:
    preset, outlook = session.preset, _outlook(session, rounds)
    most = outlook.at_most()
    splits = ", ".join(
        f"{split} {one.pools.all.harmful} + {one.pools.all.benign}" for split, one in rounds.items()
    )
    return (
        f"Run {session.run_id}: preset {preset.name}, model {session.backend.model}, "
        f"judge {session.judge.judge_id}, seed {session.config.seed}.\n"
        f"Prompts, harmful-leading + benign: {splits}.\n"
        f"Plan: at most {most.candidates} candidates, {preset.generations} generations after the "
        f"first, {most.answers:,.0f} answers and {most.tokens:,.0f} tokens "
        f"({preset.max_tokens} an answer).\n"
        f"{_tokens_plan(outlook)}"
        f"Time: aims at {preset.search_s / 60:.1f} minutes of search and "
        f"{preset.total_s / 60:.1f} in all; prompts are adapted to the measured speed, never below "
        f"the minimum. A search that has taken {preset.search_s * OVERTIME / 60:.1f} minutes ends "
        "with its generation.\n"
        f"{_expected(session, outlook)}"
        f"{_writing_plan(session)}"
        f"Limits: {', '.join(preset.limits.typed())}; "
        f"{HANDLED[session.config.constraints]}.\n"
        f"Picked will be, {PICK_RULE.format(loss=preset.limits.relevance_loss)}.\n"
        f"To end the search early and go on to validation: touch "
        f"{stop_file(session.store.path)}\n"
        "Should the process die, as when its engine aborts, every answer is kept; go on with: "
        f"guardtune tune resume --store {shlex.quote(str(session.store.path))} "
        f"--run {session.run_id}\n"
    )


def _tokens_plan(outlook: Outlook) -> str:
    """What `--tokens` allows, and what it does not count."""
    if outlook.tokens is None:
        return ""
    return (
        f"Tokens: at most {outlook.tokens:,} in the search, which last for about "
        f"{outlook.candidates_of_long_answers} candidates where every answer is as long as may be; "
        f"what comes after it is on top, at most {outlook.finals_at_most:,}.\n"
    )


def _expected(session: Session, outlook: Outlook) -> str:
    """What the plan comes to at the speed that is known before the first answer, if any is."""
    written = session.store.written(session.model_sha256, since=0.0)
    speed = recent_speed(written, session.preset.max_tokens)
    if speed is None:
        return "What of that is to be expected is said once the speed is known.\n"
    low, high = outlook.expected(speed)
    return (
        f"Expected: {low.candidates} to {high.candidates} candidates, "
        f"{about(low.answers)} to {about(high.answers)} answers, "
        f"{about(low.tokens)} to {about(high.tokens)} tokens, "
        f"{low.seconds / 60:.1f} to {high.seconds / 60:.1f} minutes, if nothing ends the search "
        f"earlier and no answer is known; this model's last answers here came at "
        f"{speed.tokens_per_s:.0f} tokens/s, {speed.tokens_per_answer:.0f} each.\n"
    )


def _writing_plan(session: Session) -> str:
    if session.writer is None:
        return ""
    calls = _allowance(session).calls
    counted = "" if session.config.tokens is None else ", which --tokens counts as well"
    return (
        f"Writer {session.writer.name}: up to {calls} texts between generations, of at most "
        f"{MAX_TOKENS} tokens each (up to {calls * MAX_TOKENS // 1000}k more{counted}). It is "
        "shown no prompt and no answer.\n"
    )
