"""`guardtune suite list|check|show`: what suites there are, and whether a file is one."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import get_args

from proxy.domain import CATEGORIES, Kind
from proxy.errors import SuiteError
from proxy.suites import builtin
from proxy.suites.catalogue import FORMATS
from proxy.suites.choice_formats import CHOICE_FORMATS
from proxy.suites.loaders import is_choices, load_choices, load_suite
from proxy.suites.ordering import sample
from proxy.suites.splits import SPLITS
from proxy.suites.summary import (
    counted,
    header,
    prompt_line,
    prompt_table,
    question_lines,
    topic_table,
    torn,
)

Printed = tuple[list[str], int]
"""Lines for standard output, and the exit status."""


def main(argv: Sequence[str]) -> int:
    """Run the sub-command; 0 when all is well, 1 when a suite has problems, 2 for bad usage."""
    arguments = _parser().parse_args(argv)
    try:
        lines, status = arguments.run(arguments)
    except SuiteError as error:
        n_problems = counted(len(error.problems), "problem")
        sys.stderr.write(f"{error}\n{n_problems}; nothing was loaded.\n")
        return 1
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return int(status)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="guardtune suite", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="list|check|show")
    commands.add_parser("list", help="the suites that can be loaded").set_defaults(run=_list)

    check = commands.add_parser("check", help="counts, sha256, licence and problems of a suite")
    check.add_argument("spec", help="builtin, or NAME:PATH as in catqa-en:catqa_english.json")
    check.set_defaults(run=_check)

    show = commands.add_parser("show", help="a few rows, in proportion over the categories")
    show.add_argument("spec", help="builtin, or NAME:PATH")
    show.add_argument("-n", type=_count, default=12, help="how many (default: %(default)s)")
    show.add_argument("--kind", choices=get_args(Kind), help="only this kind")
    show.add_argument("--split", choices=SPLITS, help="only this split")
    show.add_argument("--category", choices=CATEGORIES, help="only this category")
    show.add_argument("--seed", type=int, default=0, help="another seed shows others")
    show.add_argument("--reveal", action="store_true", help="print harmful prompts in full")
    show.set_defaults(run=_show)
    return parser


def _list(_: argparse.Namespace) -> Printed:
    return list(_listed()), 0


def _listed() -> Iterator[str]:
    known = {builtin.ID: builtin.FORMAT} | {f"{name}:PATH": f for name, f in FORMATS.items()}
    choices = {f"{name}:PATH": form for name, form in CHOICE_FORMATS.items()}
    for forms in (known, choices):
        for spec, form in forms.items():
            about = (
                "" if form.published_n is None else f" ({form.published_n} rows, {form.licence})"
            )
            yield f"{spec:27} {form.title}{about}"


def _check(arguments: argparse.Namespace) -> Printed:
    if is_choices(arguments.spec):
        choices = load_choices(arguments.spec)
        return [*header(choices), "", *topic_table(choices)], 0
    suite = load_suite(arguments.spec)
    lines = [*header(suite), "", *prompt_table(suite.prompts)]
    if not (problems := torn(suite.prompts)):
        return lines, 0
    last = f"{counted(len(problems), 'problem')}; remove the `split` fields to have them assigned."
    return [*lines, *problems, last], 1


def _show(arguments: argparse.Namespace) -> Printed:
    if is_choices(arguments.spec):
        choices = load_choices(arguments.spec)
        questions = choices.sample(arguments.n, arguments.seed)
        lines = [line for question in questions for line in question_lines(question)]
        return [*lines, f"{len(questions)} of {len(choices)} questions"], 0
    wanted = [
        prompt
        for prompt in load_suite(arguments.spec).select(kind=arguments.kind, split=arguments.split)
        if arguments.category in (None, prompt.category)
    ]
    picked = sample(wanted, arguments.n, arguments.seed)
    lines = [prompt_line(prompt, is_revealed=arguments.reveal) for prompt in picked]
    return [*lines, f"{len(picked)} of {len(wanted)} prompts"], 0


def _count(text: str) -> int:
    n = int(text)
    if n < 1:
        raise argparse.ArgumentTypeError(f"{n} is not at least 1")
    return n
