"""The answers gathered on one split: from the store where they are known, else from the model."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from proxy.backends.base import Backend
from proxy.domain import Prompt
from proxy.errors import BackendError
from proxy.evaluation.identity import phenotype_key
from proxy.evaluation.run import Judged, Task, evaluate, judge_answer, sampling_seed
from proxy.evaluation.store import AnswerKey, EvaluationStore
from proxy.judges.base import Judge
from tuner.candidate import Candidate
from tuner.objectives import Results

_FAILURES_IN_A_ROW = 32
"""Answers that may fail one after the other before the backend is taken to be gone."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What answers and judges, and how.

    Args:
        backend: started.
        judge: started.
        store: open for writing.
        model: identity of the model in the store.
        run_seed: makes the sampling seeds, the same for all candidates.
        max_tokens: of an answer.
        concurrency: answers in flight at once.
        on_answer: called for each answer that is not from the store.
    """

    backend: Backend
    judge: Judge
    store: EvaluationStore
    model: str
    run_seed: int
    max_tokens: int
    concurrency: int
    on_answer: Callable[[Judged], None] = lambda _judged: None


class Evidence(Protocol):
    """What is known of each candidate on one split's prompts."""

    @property
    def tokens(self) -> int:
        """Tokens of all answers counted, as far as they are known."""
        ...

    def rate(self, elapsed_s: float) -> float:
        """Answers a second to plan by, after so many seconds of the run."""
        ...

    def of(self, candidate: Candidate, prompts: Iterable[Prompt] | None = None) -> Results:
        """A candidate's judged answers, to these prompts or to all it has answered."""
        ...

    async def gather(self, wanted: Sequence[tuple[Candidate, Sequence[Prompt]]]) -> None:
        """Make sure that each candidate has answered its prompts."""
        ...


class StoredEvidence:
    """What is known of each candidate on one split's prompts.

    Each answer is in the store before it counts here, so that nothing is lost when the run ends,
    however it ends.
    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._results: dict[str, dict[str, Judged]] = {}
        self._failures = 0

    @property
    def answers(self) -> int:
        """Answers counted, stored ones included."""
        return sum(map(len, self._results.values()))

    def rate(self, elapsed_s: float) -> float:
        """Answers a second: those counted over the run's time, unless they were slower to come by.

        Answers of an earlier run take no time to recall, so they alone would promise too much; but
        each knows how long it took, and so many are in flight at once (Little's law).
        """
        counted = [judged.answer.duration_ms for known in self._results.values()
                   for judged in known.values()]  # fmt: skip
        seen = len(counted) / max(elapsed_s, 1e-3)
        took_s = sum(counted) / 1000
        return min(seen, self._bench.concurrency * len(counted) / took_s) if took_s else seen

    @property
    def tokens(self) -> int:
        """Tokens of those answers, as far as the backend reports them."""
        return sum(
            judged.answer.usage.completion_tokens
            for results in self._results.values()
            for judged in results.values()
            if judged.answer.usage is not None
        )

    def of(self, candidate: Candidate, prompts: Iterable[Prompt] | None = None) -> Results:
        """A candidate's judged answers, to these prompts or to all it has answered."""
        known = self._results.get(candidate.key, {})
        if prompts is None:
            return dict(sorted(known.items()))  # not as they came in: sums must not depend on it
        return {prompt.id: known[prompt.id] for prompt in prompts if prompt.id in known}

    async def gather(self, wanted: Sequence[tuple[Candidate, Sequence[Prompt]]]) -> None:
        """Make sure that each candidate has answered its prompts.

        Cancelling keeps what has been answered and judged.

        Raises:
            BackendError: answer after answer failed.
            StoreError: an answer could not be kept.
        """
        fresh = [task for task in self._missing(wanted) if not await self._recall(task)]
        await evaluate(
            self._bench.backend,
            self._bench.judge,
            fresh,
            concurrency=self._bench.concurrency,
            on_judged=self._keep,
        )

    def _missing(self, wanted: Sequence[tuple[Candidate, Sequence[Prompt]]]) -> list[Task]:
        """What has not been counted yet, candidate by candidate and each once."""
        tasks: dict[tuple[str, str], Task] = {}
        for candidate, prompts in wanted:
            known = self._results.setdefault(candidate.key, {})
            for prompt in prompts:
                if prompt.id not in known:
                    tasks[candidate.key, prompt.id] = self._task(candidate, prompt)
        return list(tasks.values())

    def _task(self, candidate: Candidate, prompt: Prompt) -> Task:
        seed = sampling_seed(self._bench.run_seed, prompt.id)
        return Task(candidate.policy, prompt, seed, self._bench.max_tokens)

    def _key(self, task: Task) -> AnswerKey:
        return AnswerKey(
            model=self._bench.model,
            phenotype=phenotype_key(task.policy),
            prompt_id=task.prompt.id,
            replicate=task.replicate,
            seed=task.seed,
            max_tokens=task.max_tokens,
        )

    async def _recall(self, task: Task) -> bool:
        """Count a stored answer, judging it if this judge has not; False if there is none."""
        key, judge = self._key(task), self._bench.judge
        found = self._bench.store.find(key, judge.judge_id)
        if found is None:
            return False
        answer, verdict = found
        if verdict is None:
            verdict = await judge_answer(judge, task, answer)
            self._bench.store.add_verdict(key, verdict)
        self._results[key.phenotype][task.prompt.id] = Judged(task, answer, verdict)
        return True

    def _keep(self, judged: Judged) -> None:
        """Store an answer, then count it."""
        key = self._key(judged.task)
        self._bench.store.add_answer(key, judged.answer, judged.verdict, answered_at=time.time())
        self._results[key.phenotype][judged.task.prompt.id] = judged
        self._bench.on_answer(judged)
        self._failures = self._failures + 1 if judged.answer.error else 0
        if self._failures >= _FAILURES_IN_A_ROW:
            raise BackendError(
                f"{self._failures} answers in a row failed ({judged.answer.error}). What was "
                "answered is kept: mend the model's server, then `guardtune tune resume`.",
                model=self._bench.backend.model,
                error_type="engine",
            )
