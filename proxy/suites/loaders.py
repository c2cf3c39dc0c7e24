"""`load_suite("NAME:PATH")`: known prompt sets by path, with what was published about them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path

from proxy.errors import Problem, SuiteError
from proxy.suites import builtin
from proxy.suites.files import Format, load_file
from proxy.suites.formats import read_catqa, read_jsonl, read_xstest
from proxy.suites.suite import Suite, combine


def _catqa(language: str) -> Format:
    return Format(
        read_catqa,
        f"CatQA, harmful-leading questions in 11 categories, {language}",
        "Apache-2.0",
        f"github.com/declare-lab/red-instruct harmful_questions/catqa_{language.lower()}.json",
        550,
    )


FORMATS: Mapping[str, Format] = {
    "catqa-en": _catqa("English"),
    "catqa-zh": _catqa("Chinese"),
    "catqa-vi": _catqa("Vietnamese"),
    "xstest": Format(
        read_xstest,
        "XSTest, safe look-alikes and their unsafe contrasts",
        "CC-BY-4.0",
        "github.com/paul-rottger/xstest xstest_prompts.csv",
        450,
    ),
    "jsonl": Format(read_jsonl, 'one {"prompt", "kind", "category"?} a line'),
}
"""Name → format. The built-in suite is the one that needs no path."""


def load_suite(spec: str, *, seed: int = 0) -> Suite:
    """A suite by its specification, every prompt with a split.

    Args:
        spec: ``builtin``, or ``NAME:PATH`` with a name from :data:`FORMATS`.
        seed: of the splits, for files that bring none of their own.

    Raises:
        SuiteError: an unknown name, or all that is wrong with the file.
    """
    name, _, path = spec.partition(":")
    if name == builtin.ID and not path:
        return builtin.load_builtin()
    form = FORMATS.get(name)
    if form is None:
        raise SuiteError((Problem(spec, _unknown_name(name)),))
    if not path:
        raise SuiteError(
            (Problem(spec, f"no path; write {name}:PATH. Get it from {form.source}."),)
        )
    return load_file(Path(path).expanduser(), form, suite=name, seed=seed)


def load_suites(specs: Iterable[str], *, seed: int = 0) -> Suite:
    """Several suites as one; see :func:`proxy.suites.suite.combine`.

    Raises:
        SuiteError: what is wrong with any of them.
    """
    return combine([load_suite(spec, seed=seed) for spec in specs])


def _unknown_name(name: str) -> str:
    names = (builtin.ID, *FORMATS)
    close = difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean `{close[0]}`?" if close else ""
    return (
        f"no such suite; the names are {builtin.ID} and, with a path, {', '.join(FORMATS)}.{hint}"
    )
