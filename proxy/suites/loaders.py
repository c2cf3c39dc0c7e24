"""`load_suite("NAME:PATH")` and `load_choices`: known suites by path."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

from proxy.errors import Problem, SuiteError
from proxy.suites import builtin
from proxy.suites.catalogue import FORMATS
from proxy.suites.choice_formats import CHOICE_FORMATS, load_choice_file
from proxy.suites.choices import ChoiceSuite
from proxy.suites.files import load_file
from proxy.suites.suite import Suite, combine


def load_suite(spec: str) -> Suite:
    """A suite by its specification, every prompt with a split.

    A set's splits are the same for everybody: what one program tunes on, no other may report on.

    Args:
        spec: ``builtin``, or ``NAME:PATH`` with a name from `proxy.suites.catalogue.FORMATS`.

    Raises:
        SuiteError: an unknown name, or all that is wrong with the file.
    """
    name, _, path = spec.partition(":")
    if name == builtin.ID and not path:
        return builtin.load_builtin()
    form = FORMATS.get(name)
    if form is None:
        raise SuiteError((Problem(spec, _unknown_name(name)),))
    return load_file(_path(spec, form.source), form, suite=name)


def load_suites(specs: Iterable[str]) -> Suite:
    """Several suites as one; see :func:`proxy.suites.suite.combine`.

    Raises:
        SuiteError: what is wrong with any of them.
    """
    return combine([load_suite(spec) for spec in specs])


def load_choices(spec: str) -> ChoiceSuite:
    """A multiple-choice suite by its specification.

    Args:
        spec: ``NAME:PATH`` with a name from `proxy.suites.choice_formats.CHOICE_FORMATS`.

    Raises:
        SuiteError: an unknown name, or all that is wrong with the file.
    """
    name = spec.partition(":")[0]
    form = CHOICE_FORMATS.get(name)
    if form is None:
        raise SuiteError((Problem(spec, _unknown_choices(name)),))
    return load_choice_file(_path(spec, form.source), form, suite=name)


def is_choices(spec: str) -> bool:
    """Whether the specification names a multiple-choice suite, one for :func:`load_choices`."""
    return spec.partition(":")[0] in CHOICE_FORMATS


def _path(spec: str, source: str) -> Path:
    name, _, path = spec.partition(":")
    if not path:
        raise SuiteError((Problem(spec, f"no path; write {name}:PATH. Get it from {source}."),))
    return Path(path).expanduser()


def _unknown_name(name: str) -> str:
    if name in CHOICE_FORMATS:
        return "a multiple-choice suite has right and wrong answers, and no prompts to judge."
    return f"no such suite.{_guess(name, (builtin.ID, *FORMATS))}"


def _unknown_choices(name: str) -> str:
    return f"no such multiple-choice suite.{_guess(name, tuple(CHOICE_FORMATS))}"


def _guess(name: str, names: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean `{close[0]}`?" if close else ""
    return f"{hint} `guardtune suite list` shows the names."
