"""The built-in suite: 240 mild harmful-leading and 240 benign prompts, written for this project.

Half of the benign prompts are look-alikes: harmless, but worded like something harmful, so that
over-refusal shows. Each of the four splits holds 60 harmful prompts, five for each of twelve
categories, and 60 benign ones, 30 of them look-alikes. The splits stand in the file and equal what
`proxy.suites.splits.assign` computes from the texts.
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
    "480 mild prompts of our own: 240 harmful-leading, 120 look-alikes, 120 plain",
    licence="Apache-2.0",
    source="GuardTune",
    published_n=480,
)


@functools.cache
def load_builtin() -> Suite:
    """The built-in suite, read once per process.

    Raises:
        SuiteError: the installation is damaged.
    """
    return load_file(PATH, FORMAT, suite=ID)
