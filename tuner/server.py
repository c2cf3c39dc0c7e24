"""One of several servers of the same model, as an evaluator that knows when it is down."""

from __future__ import annotations

from dataclasses import dataclass, field

from proxy.backends.base import Backend
from proxy.evaluation.run import Judged, Task, generate, judge_answer
from proxy.judges.base import Judge
from tuner.crew import EvaluatorGoneError, LostTaskError

_FAILURES_IN_A_ROW = 8
"""Answers that may fail one after the other before the others do without it."""


@dataclass(slots=True)
class Server:
    """See :class:`tuner.crew.Evaluator`.

    Args:
        backend: started.
        judge: started; servers share it.
        in_flight: answers asked for at once.
    """

    backend: Backend
    judge: Judge
    in_flight: int
    _failures: int = field(default=0, init=False)

    def begin(self) -> None:
        """It gets another chance."""
        self._failures = 0

    async def ready(self) -> None:
        """See :meth:`tuner.crew.Evaluator.ready`."""
        if self._failures >= _FAILURES_IN_A_ROW:
            raise EvaluatorGoneError(f"{self._failures} answers in a row failed")

    async def answer(self, task: Task) -> Judged:
        """See :meth:`tuner.crew.Evaluator.answer`."""
        answer = await generate(
            self.backend, task.policy, task.prompt, seed=task.seed, max_tokens=task.max_tokens
        )
        judged = Judged(task, answer, await judge_answer(self.judge, task, answer))
        if answer.error:
            self._failures += 1
            raise LostTaskError(judged)
        self._failures = 0
        return judged
