"""Which failed answers are lost, and when an evaluator has lost so many that it must be down."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from proxy.evaluation.run import Answer, Judged, Task, unanswered
from tuner.crew import LOSSES_IN_A_ROW, LostTaskError

_REFUSALS = frozenset(
    f"status {status.value}"
    for status in (
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS,
    )
)
"""Any other 4xx may speak of a key, an account, a quota or a model that this server has not."""

WORKER_DIED = "worker died"
"""An answer's error where the process died that was to give it."""

_OF_THE_SERVER = frozenset(
    ("connect", "timeout", "protocol", "closed", "engine", "provider",
     "queue_full", "queue_timeout", "draining", WORKER_DIED)
)  # fmt: skip
"""What a BackendError or an OverloadedError may be, and what a worker may."""


def is_refusal(error: str) -> bool:
    """Whether an answer failed by its request's own fault, so that another would refuse it too.

    Args:
        error: as in :class:`proxy.evaluation.run.Answer`. What is neither a status nor one of the
            words for a server that fails is a RequestError's code.
    """
    return error in _REFUSALS or not (error in _OF_THE_SERVER or error.startswith("status "))


@dataclass(slots=True)
class Losses:
    """Those of one evaluator.

    Args:
        in_a_row: without an answer in between.
    """

    in_a_row: int = 0

    @property
    def are_many(self) -> bool:
        """Whether the evaluator is down."""
        return self.in_a_row >= LOSSES_IN_A_ROW

    def forget(self) -> None:
        """They were not its fault, or that has been mended."""
        self.in_a_row = 0

    def note(self, task: Task, answer: Answer, judge_id: str) -> None:
        """Take notice of an answer; a refusal says nothing of who gave it.

        Raises:
            LostTaskError: it is lost.
        """
        if answer.error is None:
            self.in_a_row = 0
        elif not is_refusal(answer.error):
            self.in_a_row += 1
            raise LostTaskError(Judged(task, answer, unanswered(judge_id, answer.error)))
