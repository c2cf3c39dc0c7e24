"""The stored answers of one run, read back by candidate and split."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import get_args

from proxy.domain import Prompt, Split, Verdict
from proxy.errors import Problem, StoreError, SuiteError
from proxy.evaluation.run import Judged, tasks_for
from proxy.evaluation.store import AnswerKey, EvaluationStore, Written
from proxy.suites.suite import Suite
from tuner.candidate import Candidate, Origin
from tuner.genome import Genome
from tuner.objectives import Results
from tuner.pools import Pools
from tuner.presets import Preset, Rung
from tuner.record import Record, asked_by
from tuner.space import Space, load_space

_NONE = Origin("base")


def refuse_other_prompts(record: Record, suite: Suite) -> None:
    """Refuse prompts that are not those of the run any more.

    Answers are found by prompt, so that with others a report would count less than the run did,
    and say nothing of it.

    Raises:
        SuiteError: its files, or the built-in prompts, have changed since.
    """
    started = record.find("run")
    if started is None or started["suite"]["sha256"] == suite.sha256:
        return
    message = (
        f"is not what run {record.run.id} was started with any more (SHA-256 {suite.sha256[:12]}, "
        f"then {started['suite']['sha256'][:12]}). Put its files back, or use the version of "
        "GuardTune that started the run."
    )
    raise SuiteError((Problem(suite.id, message),))


def failures(record: Record) -> frozenset[tuple[str, str]]:
    """(Candidate key, prompt id) of every answer that the run counts as failed, for good.

    The store knows attempts only: one that failed may have been repeated, by a later run say.
    """
    return frozenset(
        (key, prompt)
        for one in record.decisions
        if one.kind == "failed"
        for key, prompt, _ in one.body["answers"]
    )


class Facts:
    """What a run's journal and the store's answers say, nothing generated and nothing written.

    Usable as long as the store is open; each candidate is read once.

    Args:
        record: of the run.
        store: open, for reading is enough.
        preset: that the run was started with.
        prompts: of the run's suites.

    Raises:
        StoreError: the run has no decision yet.
    """

    def __init__(
        self, record: Record, store: EvaluationStore, preset: Preset, prompts: Iterable[Prompt]
    ) -> None:
        self.record = record
        self.preset = preset
        started = record.find("run")
        if started is None:
            raise StoreError(f"run {record.run.id} has not decided anything yet.")
        self.identity = started
        self._store = store
        prompts = tuple(prompts)
        splits: tuple[Split, ...] = get_args(Split)
        self._pools = {split: Pools.of(prompts, split, seed=record.config.seed) for split in splits}
        self._known: dict[tuple[str, Split], Results] = {}

    @cached_property
    def space(self) -> Space:
        """The library that the run combined."""
        return load_space(text=self.record.config.space)

    @cached_property
    def baseline(self) -> Candidate:
        """Candidate 0."""
        return self.candidate(Genome.base(self.space))

    @cached_property
    def born(self) -> Mapping[str, int]:
        """Candidate key → its generation."""
        return {
            key: one.body["number"]
            for one in self.record.decisions
            if one.kind == "generation"
            for key in one.body["candidates"]
        }

    @cached_property
    def candidates(self) -> Mapping[str, Candidate]:
        """Every candidate that a finished generation has tried, generation by generation."""
        return {
            key: self.candidate(Genome.from_json(genome), _origin(one.body, key))
            for one in self.record.decisions
            if one.kind == "generation"
            for key, genome in one.body["candidates"].items()
        }

    @property
    def has_origins(self) -> bool:
        """Whether the journal says who descends from whom; those of early versions do not."""
        first = next((one for one in self.record.decisions if one.kind == "generation"), None)
        return first is not None and "origins" in first.body

    @cached_property
    def counted(self) -> tuple[tuple[str, str], ...]:
        """(Candidate key, prompt id) of every answer that a decision of the run rests on."""
        return tuple(
            (key, prompt) for key, split in self._wanted() for prompt in self._by(key, split)
        )

    @cached_property
    def written(self) -> tuple[Written, ...]:
        """What the store took in for the run since it started, oldest first, failures included.

        Other runs of the model may use the store as well: with another seed or another length, or
        later.
        """
        found = self._store.written(
            self.identity["model"]["sha256"], self.record.run.started_at, self._until
        )
        return asked_by(self.record.config, self.preset.max_tokens, found)

    @cached_property
    def _until(self) -> float:
        return self._store.next_run_at(self.record.run.id)

    @cached_property
    def _failed(self) -> frozenset[tuple[str, str]]:
        return failures(self.record)

    @cached_property
    def unscored(self) -> Mapping[str, int]:
        """Why the judge left answers of those unscored → how many, the most frequent first."""
        reasons = Counter(
            one.verdict.reason or "no reason given"
            for key, split in self._wanted()
            for one in self._by(key, split).values()
            if one.verdict.status == "unscored"
        )
        return dict(reasons.most_common())

    def _wanted(self) -> Iterator[tuple[str, Split]]:
        """Who has been asked on which split."""
        for key in {self.baseline.key: None} | dict.fromkeys(self.candidates):
            yield key, "search"
        validation = self.record.find("validation") or {"finalists": {}}
        if validation["finalists"]:
            for key in (self.baseline.key, *validation["finalists"]):
                yield key, "validation"
        if (tested := self.record.find("test")) is not None:
            for key in (self.baseline.key, tested["key"]):
                yield key, "test"

    def _by(self, key: str, split: Split) -> Results:
        return self.of(self.candidates.get(key, self.baseline), split)

    def candidate(self, genome: Genome, origin: Origin = _NONE) -> Candidate:
        """The candidate that a genome means in this run."""
        return Candidate.of(genome, self.space, self.record.config.base_policy, origin)

    def of(self, candidate: Candidate, split: Split) -> Results:
        """The candidate's answers on a split, as far as there are any judged by the run's judge."""
        key = (candidate.key, split)
        if key not in self._known:
            self._known[key] = self._read(candidate, split)
        return self._known[key]

    def verdicts(self, candidate: Candidate, split: Split, judge_id: str) -> dict[str, Verdict]:
        """Prompt id → what another judge has said of those answers, where the store has it."""
        model = self.identity["model"]["sha256"]
        found: dict[str, Verdict] = {}
        for prompt, one in self.of(candidate, split).items():
            stored = self._store.find(AnswerKey.of(model, one.task), judge_id)
            if stored is not None and stored[1] is not None:
                found[prompt] = stored[1]
        return found

    def _read(self, candidate: Candidate, split: Split) -> Results:
        tasks = tasks_for(
            candidate.policy,
            self._prompts(split),
            run_seed=self.record.config.seed,
            max_tokens=self.preset.max_tokens,
        )
        # How many prompts each candidate of a search was asked is nowhere written down. The other
        # splits are bounded by the journal, and `ablate` may answer more of them at any time.
        before = self._until if split == "search" else math.inf
        found: dict[str, Judged] = {}
        for task in tasks:
            if (candidate.key, task.prompt.id) in self._failed:
                continue
            key = AnswerKey.of(self.identity["model"]["sha256"], task)
            stored = self._store.find(key, self.identity["judge"], before=before)
            if stored is not None and stored[1] is not None:
                found[task.prompt.id] = Judged(task, stored[0], stored[1])
        return dict(sorted(found.items()))

    def _prompts(self, split: Split) -> tuple[Prompt, ...]:
        """Those that the run has asked at most; the store may hold more, from other runs."""
        pools, pace = self._pools[split], self.record.find(f"{split}_pace")
        return pools.first(pools.all if pace is None else Rung(*pace["rung"]))


def _origin(generation: Mapping[str, object], key: str) -> Origin:
    origins = generation.get("origins")
    if not isinstance(origins, Mapping):
        return _NONE
    return Origin(origins[key]["way"], tuple(origins[key]["parents"]))


@dataclass(frozen=True, slots=True)
class Reported:
    """The policy that a report speaks of, beside the baseline, on prompts no search has seen.

    Args:
        split: ``test``, or ``validation`` while the test split is unused.
        key: of the policy.
        baseline: its answers.
        tuned: the policy's.
    """

    split: Split
    key: str
    baseline: Results
    tuned: Results

    @property
    def policies(self) -> dict[str, Results]:
        """Both, by the names that reports use."""
        return {"baseline": self.baseline, "tuned": self.tuned}


def reported(facts: Facts) -> Reported | None:
    """What was tested, else what validation puts first; None while only the search has run."""
    record = facts.record
    split: Split
    if (tested := record.find("test")) is not None:
        split, key = "test", tested["key"]
    elif record.find("validation") is not None and record.best_guess is not None:
        split, key = "validation", record.best_guess
    else:
        return None
    baseline = facts.of(facts.baseline, split)
    return Reported(split, key, baseline, facts.of(facts.candidates[key], split))
