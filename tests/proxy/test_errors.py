"""Errors carry what the edge, the metrics and the user need."""

from __future__ import annotations

import pytest

from proxy.errors import (
    BackendError,
    ContextLengthError,
    GuardTuneError,
    InvalidInputError,
    ModelLoadError,
    OverloadedError,
    PolicyError,
    Problem,
    RequestError,
)


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("a.yaml", "is empty."), "a.yaml: is empty."),
        (Problem("a.yaml", "is a tab.", line=3), "a.yaml:3: is a tab."),
        (
            Problem("a.yaml", "2.7 is too high.", line=4, path="decoding.temperature"),
            "a.yaml:4: decoding.temperature: 2.7 is too high.",
        ),
    ],
    ids=["file", "line", "field"],
)
def test_problem_names_as_much_of_the_place_as_is_known(problem: Problem, text: str) -> None:
    """File, then line, then field, then what is wrong."""
    assert str(problem) == text


def test_invalid_input_lists_every_problem_on_a_line_of_its_own() -> None:
    """Three mistakes are three lines, in the order given."""
    error = PolicyError((Problem("a", "one."), Problem("b", "two.")))
    assert str(error) == "a: one.\nb: two."
    assert len(error.problems) == 2


def test_mistakes_are_counted_in_words() -> None:
    """For the last line of a command."""
    problem = Problem("a.yaml", "is wrong.")
    assert InvalidInputError((problem,)).how_many == "1 problem"
    assert InvalidInputError((problem, problem)).how_many == "2 problems"


def test_context_length_error_is_a_request_error_with_both_counts() -> None:
    """Agents key on the code and show the numbers."""
    error = ContextLengthError(n_prompt_tokens=9000, n_ctx_tokens=8192)
    assert isinstance(error, RequestError)
    assert (error.status, error.code) == (400, "context_length_exceeded")
    assert "9000" in error.message
    assert "8192" in error.message


def test_model_load_error_is_a_backend_error_that_will_not_pass() -> None:
    """A model that cannot be loaded is unavailable, and trying again does not help."""
    error = ModelLoadError("no such file", model="m")
    assert isinstance(error, BackendError)
    assert (error.status, error.error_type, error.retryable) == (503, "engine", False)


def test_overloaded_error_says_when_to_come_back() -> None:
    """The edge turns it into 503 with Retry-After."""
    error = OverloadedError("queue_full", retry_after_s=3)
    assert isinstance(error, GuardTuneError)
    assert (error.reason, error.retry_after_s) == ("queue_full", 3)
