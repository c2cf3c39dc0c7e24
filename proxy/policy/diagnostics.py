"""Checks a document against a pydantic model and words every mistake for the person who made it.

Generic: policies, the server's settings and the tuner's search space all report alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from proxy.errors import InvalidInputError, PolicyError, Problem
from proxy.policy.document import Document, Location
from proxy.policy.fields import is_required, known_names
from proxy.policy.wording import describe

_Model = TypeVar("_Model", bound=BaseModel)


def validate(
    document: Document,
    model_class: type[_Model],
    *,
    error: type[InvalidInputError] = PolicyError,
) -> _Model:
    """Return the model's instance for a document.

    Args:
        document: as :func:`proxy.policy.source.read_yaml` gives it; an empty one counts as ``{}``.
        model_class: what the data must be.
        error: what to raise.

    Raises:
        InvalidInputError: of class ``error``, with every mistake, in file order.
    """
    if document.data is None and document.problems:
        raise error(document.problems)
    instance, mistakes = _parse(document, model_class)
    found = dict.fromkeys((*document.problems, *mistakes))
    problems = sorted(found, key=lambda problem: (problem.line or 0, problem.path))
    if instance is None or problems:
        raise error(tuple(problems))
    return instance


def _parse(document: Document, model_class: type[_Model]) -> tuple[_Model | None, list[Problem]]:
    try:
        data = {} if document.data is None else document.data
        return model_class.model_validate(data), []
    except ValidationError as invalid:
        if document.data is None:
            return None, [Problem(document.file, "is empty.")]
        return None, list(_problems(document, model_class, invalid))


def _problems(
    document: Document, model_class: type[BaseModel], invalid: ValidationError
) -> Iterator[Problem]:
    said: dict[str, list[Problem]] = {}
    for error in invalid.errors(include_url=False):
        if error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]:
            continue  # pydantic counts only the items that are right; the wrong ones speak already
        location = written_location(document.data, error["loc"], kind=error["type"])
        known = known_names(model_class, error["loc"])
        mark = document.mark(location)
        shown_error = {**error, "loc": location}
        if is_required(model_class, error["loc"]):
            shown_error["ctx"] = {"unless": "", **error.get("ctx", {})}
        message = describe(shown_error, known=known, raw=mark.raw if mark else None)
        problem = document.problem(location, message)
        said.setdefault(problem.path, []).append(problem)
    for alternatives in said.values():
        yield _joined(alternatives)


def _joined(alternatives: Sequence[Problem]) -> Problem:
    """Make one problem of a union's: each member has its own complaint about the same value."""
    messages = list(dict.fromkeys(problem.message for problem in alternatives))
    return replace(alternatives[0], message=" Or: ".join(messages))


def written_location(data: Any, loc: Sequence[str | int], *, kind: str) -> Location:
    """Return where in the document an error is, without the labels pydantic adds for unions.

    Args:
        data: the document's data.
        loc: pydantic's location.
        kind: the error's type; a missing or unknown key is always part of the location.
    """
    location: list[str | int] = []
    for index, part in enumerate(loc):
        is_last = index == len(loc) - 1
        if isinstance(data, Mapping) and part in data:
            data = data[str(part)]
        elif isinstance(data, list | tuple) and isinstance(part, int) and part < len(data):
            data = data[part]
        elif not (is_last and kind in {"missing", "extra_forbidden"}):
            continue
        location.append(part)
    return tuple(location)
