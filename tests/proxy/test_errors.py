"""The tree of errors, and what its messages hold."""

from __future__ import annotations

import inspect

from proxy import errors
from proxy.errors import (
    ContextLengthError,
    GuardTuneError,
    OverloadedError,
    PolicyError,
    Problem,
)


def test_every_error_is_in_the_tree_that_the_module_draws() -> None:
    """One root, and a drawing that is up to date."""
    for name, found in inspect.getmembers(errors, inspect.isclass):
        if issubclass(found, Exception):
            assert issubclass(found, GuardTuneError)
            assert name in (errors.__doc__ or "")


def test_problem_says_file_line_path_and_message() -> None:
    """As an editor can jump to; parts that do not apply are left out."""
    assert str(Problem("a.yaml", "is wrong.", 4, "b.c")) == "a.yaml:4: b.c: is wrong."
    assert str(Problem("a.yaml", "is empty.")) == "a.yaml: is empty."


def test_invalid_input_lists_every_problem() -> None:
    """One a line, in order."""
    error = PolicyError((Problem("a", "one", 1), Problem("b", "two", 2)))
    assert str(error) == "a:1: one\nb:2: two"


def test_context_error_has_both_counts() -> None:
    """So that a client knows how much to cut."""
    error = ContextLengthError(n_prompt_tokens=9000, n_ctx_tokens=8192)
    assert "9000" in error.message
    assert "8192" in error.message
    assert error.param == "messages"


def test_overload_says_why_and_when() -> None:
    """For people in the message, for programs in the fields."""
    error = OverloadedError("queue_full", retry_after_s=2)
    assert str(error) == "The server is busy (queue_full). Retry in 2 s."
