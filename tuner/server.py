"""One of several servers of the same model, as an evaluator that knows when it is down."""

from __future__ import annotations

from dataclasses import dataclass, field

from proxy.backends.base import Backend
from proxy.evaluation.run import Answer, Judged, Task, generate, judge_answer
from proxy.judges.base import Judge
from tuner.crew import EvaluatorGoneError
from tuner.losses import Losses


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
    _losses: Losses = field(default_factory=Losses, init=False)

    def begin(self) -> None:
        """It gets another chance."""
        self._losses.forget()

    def acquit(self) -> None:
        """See :meth:`tuner.crew.Evaluator.acquit`."""
        self._losses.forget()

    async def ready(self) -> None:
        """See :meth:`tuner.crew.Evaluator.ready`."""
        if self._losses.are_many:
            raise EvaluatorGoneError(f"{self._losses.in_a_row} answers in a row failed")

    async def answer(self, task: Task) -> Answer:
        """See :meth:`tuner.crew.Evaluator.answer`."""
        answer = await generate(
            self.backend, task.policy, task.prompt, seed=task.seed, max_tokens=task.max_tokens
        )
        self._losses.note(task, answer, self.judge.judge_id)
        return answer

    async def assess(self, task: Task, answer: Answer) -> Judged:
        """See :meth:`tuner.crew.Evaluator.assess`."""
        return Judged(task, answer, await judge_answer(self.judge, task, answer))
