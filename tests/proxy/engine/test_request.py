from __future__ import annotations

from proxy.domain import Priority
from proxy.engine.request import Output, Request
from proxy.engine.sampling import Sampling


def test_request_defaults_to_a_users_and_shares_nothing() -> None:
    """What is left out has no effect."""
    request = Request(id=1, prompt=(1,), max_tokens=1)
    assert request.priority is Priority.USER
    assert request.n_shared == 0
    assert request.sampling == Sampling()


def test_output_in_the_middle_of_an_answer_has_no_reason() -> None:
    """Only the last one does."""
    assert Output("text") == ("text", None, None, ())
