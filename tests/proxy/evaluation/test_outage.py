"""A hiccup is none, an outage ends the work."""

from __future__ import annotations

import pytest

from proxy.errors import BackendError
from proxy.evaluation.outage import FAILURES_IN_A_ROW, OutageWatch
from proxy.evaluation.run import Answer

FAILED, FINE = Answer("", error="timeout"), Answer("x")


def test_failures_in_a_row_are_an_outage() -> None:
    """The message says what to do."""
    watch = OutageWatch("toy", "run it again")
    for _ in range(FAILURES_IN_A_ROW - 1):
        watch.note(FAILED)
    with pytest.raises(
        BackendError, match=r"32 answers in a row failed \(timeout\).*kept.*then run it again\."
    ):
        watch.note(FAILED)


def test_an_answer_in_between_is_a_sign_of_life() -> None:
    """However often the others fail."""
    watch = OutageWatch("toy", "run it again")
    for answer in [*[FAILED] * (FAILURES_IN_A_ROW - 1), FINE] * 2:
        watch.note(answer)
