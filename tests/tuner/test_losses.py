"""A refusal is the request's own fault; anything else is a loss, and many are an outage."""

from __future__ import annotations

import re

import pytest

from proxy.errors import BackendError, OverloadedError
from proxy.evaluation.run import Answer, tasks_for
from proxy.policy.schema import PASSTHROUGH
from tests.tuner.toy import toy_prompt
from tuner.crew import LostTaskError
from tuner.losses import WORKER_DIED, Losses, is_refusal

(TASK,) = tasks_for(PASSTHROUGH, [toy_prompt("harmful", "search", 1)], run_seed=1, max_tokens=8)


@pytest.mark.parametrize(
    "error",
    ["status 400", "status 413", "status 422", "context_length_exceeded", "invalid_request_error"],
)
def test_what_is_wrong_with_the_request_is_a_refusal(error: str) -> None:
    """Any server of the model would say so."""
    assert is_refusal(error)


@pytest.mark.parametrize("status", [401, 402, 403, 404, 408, 429, 500, 502, 503, 504])
def test_what_may_be_wrong_with_the_server_is_none(status: int) -> None:
    """Another may have a valid key, the model, or time."""
    assert not is_refusal(f"status {status}")


@pytest.mark.parametrize("error", [BackendError, OverloadedError])
def test_no_word_for_a_server_that_fails_is_taken_for_a_refusal(error: type[Exception]) -> None:
    """All that the errors are documented to say."""
    words = re.findall(r"``([a-z_]+)``", error.__doc__ or "")
    assert len(words) >= 3
    assert not [word for word in [*words, WORKER_DIED] if is_refusal(word)]


def test_losses_add_up_until_an_answer_or_a_pardon() -> None:
    """And a refusal neither adds nor forgives."""
    losses = Losses()

    def lose() -> None:
        with pytest.raises(LostTaskError) as loss:
            losses.note(TASK, Answer("", error="timeout"), "toy-1")
        assert loss.value.judged is not None
        assert loss.value.judged.verdict.status == "unscored"

    for _ in range(7):
        lose()
    losses.note(TASK, Answer("", error="status 400"), "toy-1")
    assert not losses.are_many
    lose()
    assert losses.are_many
    losses.forget()
    assert not losses.are_many
    lose()
    losses.note(TASK, Answer("x"), "toy-1")
    assert losses.in_a_row == 0
