"""The answers gathered on one split: from the store where they are known, else from the model."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from proxy.domain import Prompt, Verdict
from proxy.errors import JudgeError
from proxy.evaluation.outage import OutageWatch
from proxy.evaluation.run import (
    Answer,
    Judged,
    Task,
    judge_answer,
    sampling_seed,
    unanswered,
)
from proxy.evaluation.store import AnswerKey, EvaluationStore
from proxy.judges.base import Judge
from tuner.candidate import Candidate
from tuner.executor import Executor
from tuner.losses import is_refusal
from tuner.objectives import Results

_Found = TypeVar("_Found")

Failure = tuple[str, str, str]
"""A candidate's key, a prompt's id, and why there is no answer."""

SILENCE = 8
"""Answers left unscored one after the other, and once more: the judge is taken to be down."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What answers and judges, and how.

    Args:
        executor: answers and judges.
        judge: the same one, started; judges stored answers that it has not seen.
        store: open for writing.
        served: the model's name.
        model: its identity in the store.
        run_seed: makes the sampling seeds, the same for all candidates.
        max_tokens: of an answer.
        on_answer: called for each answer that is not from the store.
    """

    executor: Executor
    judge: Judge
    store: EvaluationStore
    served: str
    model: str
    run_seed: int
    max_tokens: int
    on_answer: Callable[[Judged], None] = lambda _judged: None


class Evidence(Protocol):
    """What is known of each candidate on one split's prompts."""

    @property
    def tokens(self) -> int:
        """Tokens of all answers counted."""
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
    however it ends. What fails or is left unscored is decided on as such, and stays so for the rest
    of the run: the store has the next run ask again, and a resumed run must not, or it would decide
    differently. So a judge is asked once more before that, and where the model or the judge turns
    out to be down, the run stops instead.

    Args:
        bench: what answers and judges.
        failed: those that an earlier session of this run has counted as such.
        on_failed: told of the failures among what was gathered, in an order of their own.
        is_replaying: whether an earlier session of this run has decided on what is gathered now.
    """

    def __init__(
        self,
        bench: Bench,
        *,
        failed: Iterable[Failure] = (),
        on_failed: Callable[[Sequence[Failure]], None] = lambda _failures: None,
        is_replaying: Callable[[], bool] = lambda: False,
    ) -> None:
        self._bench = bench
        self._is_replaying = is_replaying
        self._failed = {(key, prompt): why for key, prompt, why in failed}
        self._on_failed = on_failed
        self._results: dict[str, dict[str, Judged]] = {}
        self._outage = OutageWatch(bench.served, "`guardtune tune resume`")
        self._judging = asyncio.Semaphore(bench.executor.in_flight)
        self._unscored_in_a_row = 0

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
        in_flight = self._bench.executor.in_flight
        return min(seen, in_flight * len(counted) / took_s) if took_s else seen

    @property
    def tokens(self) -> int:
        """Tokens of those answers; one whose server did not count them was as long as may be.

        One that failed counts for nothing.
        """
        return sum(
            self._tokens_of(judged.answer)
            for results in self._results.values()
            for judged in results.values()
        )

    def _tokens_of(self, answer: Answer) -> int:
        if answer.error is not None:  # nothing is kept of one, so a resumed run knows no more
            return 0
        return self._bench.max_tokens if answer.usage is None else answer.usage.completion_tokens

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
            JudgeError: the judge leaves answer after answer unscored.
            StoreError: an answer could not be kept.
        """
        missing = self._missing(wanted)
        await self._bench.executor.run(await self._fresh(missing), self._keep)
        failures = sorted(
            (key, prompt, error)
            for key, prompt in missing
            if (error := self._results[key][prompt].answer.error) is not None
        )
        if not all(is_refusal(error) for _, _, error in failures):  # else they are the prompts'
            self._outage.over()
        await self._judge_again(missing)
        if failures:
            self._on_failed(failures)

    async def _judge_again(self, missing: Mapping[tuple[str, str], Task]) -> None:
        """Ask the judge once more about what it left unscored: it may have been down till now.

        A judge may have nothing to say of some answers. One that is down says nothing of the last.
        """
        if self._is_replaying():
            return
        silent_for = self._unscored_in_a_row
        left = {place: task for place, task in missing.items() if self._is_unscored(place)}
        verdicts = await _together(self._rejudge(task) for task in left.values())
        if verdicts and silent_for >= SILENCE and all(v.status == "unscored" for v in verdicts):
            raise JudgeError(
                f"The judge left the last {silent_for} answers unscored, and does so again "
                f"({verdicts[-1].reason}). What was answered is kept: mend the judge, then "
                "`guardtune tune resume`."
            )

    def _is_unscored(self, place: tuple[str, str]) -> bool:
        """An answer is there, and no verdict."""
        key, prompt = place
        judged = self._results[key][prompt]
        return judged.answer.error is None and judged.verdict.status == "unscored"

    async def _rejudge(self, task: Task) -> Verdict:
        answer = self._results[task.policy.phenotype][task.prompt.id].answer
        async with self._judging:
            verdict = await judge_answer(self._bench.judge, task, answer)
        self._listen(verdict)
        if verdict.status == "scored":
            self._bench.store.add_verdict(AnswerKey.of(self._bench.model, task), verdict)
            self._count(Judged(task, answer, verdict))
        return verdict

    def _missing(
        self, wanted: Sequence[tuple[Candidate, Sequence[Prompt]]]
    ) -> dict[tuple[str, str], Task]:
        """What has not been counted yet, candidate by candidate and each once."""
        tasks: dict[tuple[str, str], Task] = {}
        for candidate, prompts in wanted:
            known = self._results.setdefault(candidate.key, {})
            for prompt in prompts:
                if prompt.id not in known:
                    tasks[candidate.key, prompt.id] = self._task(candidate, prompt)
        return tasks

    def _task(self, candidate: Candidate, prompt: Prompt) -> Task:
        seed = sampling_seed(self._bench.run_seed, prompt.id)
        return Task(candidate.policy, prompt, seed, self._bench.max_tokens)

    async def _fresh(self, missing: Mapping[tuple[str, str], Task]) -> list[Task]:
        """Recall what can be, and return the tasks that are left.

        Several at once, since a judge that has not seen stored answers yet may be slow to ask.
        """

        async def is_known(place: tuple[str, str], task: Task) -> bool:
            async with self._judging:
                return await self._recall(place, task)

        known = await _together(is_known(*one) for one in missing.items())
        return [task for task, is_it in zip(missing.values(), known, strict=True) if not is_it]

    async def _recall(self, place: tuple[str, str], task: Task) -> bool:
        """Count what this run or the store knows already; False if there is nothing."""
        judge = self._bench.judge
        if (why := self._failed.get(place)) is not None:
            self._count(Judged(task, Answer("", error=why), unanswered(judge.judge_id, why)))
            return True
        key = AnswerKey.of(self._bench.model, task)
        found = self._bench.store.find(key, judge.judge_id)
        if found is None:
            return False
        answer, known = found
        if known is None or (known.status == "unscored" and not self._is_replaying()):
            verdict = await judge_answer(judge, task, answer)
            self._listen(verdict)
            if verdict != known:
                self._bench.store.add_verdict(key, verdict)
            known = verdict
        self._count(Judged(task, answer, known))
        return True

    def _keep(self, judged: Judged) -> None:
        """Store an answer, then count it."""
        key = AnswerKey.of(self._bench.model, judged.task)
        self._bench.store.add_answer(key, judged.answer, judged.verdict, answered_at=time.time())
        self._count(judged)
        self._bench.on_answer(judged)
        self._outage.note(judged.answer)
        if judged.answer.error is None:
            self._listen(judged.verdict)

    def _listen(self, verdict: Verdict) -> None:
        is_unscored = verdict.status == "unscored"
        self._unscored_in_a_row = self._unscored_in_a_row + 1 if is_unscored else 0

    def _count(self, judged: Judged) -> None:
        key = judged.task.policy.phenotype
        self._results[key][judged.task.prompt.id] = judged


async def _together(calls: Iterable[Coroutine[Any, Any, _Found]]) -> list[_Found]:
    """What all of them return, in their order; the first error ends the others, and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            begun = [group.create_task(call) for call in calls]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [one.result() for one in begun]
