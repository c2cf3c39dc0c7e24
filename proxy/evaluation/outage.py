"""When a model's server is taken to be gone: answer after answer fails."""

from __future__ import annotations

from proxy.errors import BackendError
from proxy.evaluation.run import Answer

FAILURES_IN_A_ROW = 32
"""Answers that may fail one after the other before the backend is taken to be gone."""

FAILURES_AT_THE_END = 8
"""Likewise where no more answers follow, so that nothing would show that it is not."""


class OutageWatch:
    """Counts answers that failed one after the other.

    Args:
        model: served name.
        remedy: the command that goes on once the server is mended, as people read it.
    """

    def __init__(self, model: str, remedy: str) -> None:
        self._model = model
        self._remedy = remedy
        self._failures = 0

    def note(self, answer: Answer) -> None:
        """Take notice of an answer.

        Raises:
            BackendError: so many have failed that the next one will too.
        """
        self._failures = self._failures + 1 if answer.error else 0
        if self._failures >= FAILURES_IN_A_ROW:
            raise self.gone(f"{self._failures} answers in a row failed ({answer.error}).")

    def over(self) -> None:
        """Take notice that nobody asks any more for now, and something is about to be decided.

        Raises:
            BackendError: the last answers all failed.
        """
        if self._failures >= FAILURES_AT_THE_END:
            raise self.gone(f"The last {self._failures} answers all failed.")

    def gone(self, what: str) -> BackendError:
        """The error that says what happened, and how to go on."""
        return BackendError(
            f"{what} What was answered is kept: mend the model's server, then {self._remedy}.",
            model=self._model,
            error_type="engine",
        )
