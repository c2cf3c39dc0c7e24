"""The built-in suite: 336 mild harmful-leading and 464 benign prompts, written for this project.

296 of the benign prompts are look-alikes: harmless, but worded like something harmful, so that
over-refusal shows. Four of ten are long, a situation and then a request: what a policy does to
short requests says little about those. Each of the four splits holds 84 harmful prompts, seven for
each of twelve categories, 74 look-alikes and 42 plain ones. The splits stand in the file;
``scripts/split_builtin_suite.py`` gives them to prompts that are added.
"""

from __future__ import annotations

import functools
from pathlib import Path

from proxy.suites.files import Format, load_file
from proxy.suites.formats import read_jsonl
from proxy.suites.suite import Suite

ID = "builtin"
PATH = Path(__file__).with_name("builtin.jsonl")
FORMAT = Format(
    read_jsonl,
    "800 mild prompts of our own: 336 harmful-leading, 296 look-alikes, 168 plain",
    licence="Apache-2.0",
    source="GuardTune",
    published_n=800,
)


@functools.cache
def load_builtin() -> Suite:
    """The built-in suite, read once per process.

    Raises:
        SuiteError: the installation is damaged.
    """
    return load_file(PATH, FORMAT, suite=ID)
