"""`guardtune suite list|check|show`: what suites there are, and whether a file is one."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import get_args

from proxy.domain import CATEGORIES, Kind, Prompt
from proxy.errors import SuiteError
from proxy.suites import builtin
from proxy.suites.loaders import FORMATS, load_suite
from proxy.suites.ordering import sample
from proxy.suites.splits import SPLITS, straddling
from proxy.suites.suite import Suite
from proxy.suites.words import words


def main(argv: Sequence[str]) -> int:
    """Run the sub-command; 0 when all is well, 1 when a suite has problems, 2 for bad usage."""
    arguments = _parser().parse_args(argv)
    try:
        lines, status = arguments.run(arguments)
    except SuiteError as error:
        sys.stderr.write(f"{error}\n{_counted(len(error.problems))}; nothing was loaded.\n")
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

    show = commands.add_parser("show", help="a few prompts, in proportion over the categories")
    show.add_argument("spec", help="builtin, or NAME:PATH")
    show.add_argument("-n", type=_count, default=12, help="how many (default: %(default)s)")
    show.add_argument("--kind", choices=get_args(Kind), help="only this kind")
    show.add_argument("--split", choices=SPLITS, help="only this split")
    show.add_argument("--category", choices=CATEGORIES, help="only this category")
    show.add_argument("--seed", type=int, default=0, help="another seed shows others")
    show.add_argument("--reveal", action="store_true", help="print harmful prompts in full")
    show.set_defaults(run=_show)
    return parser


def _list(_: argparse.Namespace) -> tuple[list[str], int]:
    known = {builtin.ID: builtin.FORMAT}
    known |= {f"{name}:PATH": form for name, form in FORMATS.items()}
    return [f"{spec:14} {form.title} ({form.licence})" for spec, form in known.items()], 0


def _check(arguments: argparse.Namespace) -> tuple[list[str], int]:
    suite = load_suite(arguments.spec)
    torn = straddling(suite.prompts)
    lines = [*_header(suite), "", *_table(suite.prompts)]
    lines += (
        f"near-duplicates in different splits: {', '.join(prompt.id for prompt in group)}"
        for group in torn
    )
    if torn:
        lines.append(f"{_counted(len(torn))}; remove the `split` fields to have them assigned.")
    return lines, 1 if torn else 0


def _show(arguments: argparse.Namespace) -> tuple[list[str], int]:
    suite = load_suite(arguments.spec)
    wanted = [
        prompt
        for prompt in suite.select(kind=arguments.kind, split=arguments.split)
        if arguments.category in (None, prompt.category)
    ]
    picked = sample(wanted, arguments.n, arguments.seed)
    lines = [_line(prompt, is_revealed=arguments.reveal) for prompt in picked]
    return [*lines, f"{len(picked)} of {len(wanted)} prompts"], 0


def _header(suite: Suite) -> Iterator[str]:
    yield f"suite     {suite.id}"
    yield f"prompts   {len(suite)} ({suite.n_repeated} repeated rows left out)"
    if suite.published_n is not None:
        state = "partial: no headline figures on it" if suite.is_partial else "complete"
        yield f"published {suite.n_rows} of {suite.published_n} rows, {state}"
    yield f"sha256    {suite.sha256}"
    yield f"licence   {suite.licence}"
    yield f"source    {suite.source}"


def _table(prompts: Sequence[Prompt]) -> Iterator[str]:
    """Counts by kind, category and split."""
    counts = Counter((_kind(prompt), prompt.category, prompt.split) for prompt in prompts)
    yield _columns("kind", "category", *SPLITS, "all")
    for kind, category in sorted({key[:2] for key in counts}):
        cells = [counts[kind, category, split] for split in SPLITS]
        yield _columns(kind, category, *map(str, cells), str(sum(cells)))
    totals = [sum(prompt.split == split for prompt in prompts) for split in SPLITS]
    yield _columns("all", "", *map(str, totals), str(sum(totals)))


def _columns(kind: str, category: str, *cells: str) -> str:
    return f"{kind:11} {category:10}" + "".join(f"{cell:>11}" for cell in cells)


def _kind(prompt: Prompt) -> str:
    return "look-alike" if prompt.is_lookalike else prompt.kind


def _line(prompt: Prompt, *, is_revealed: bool) -> str:
    text = prompt.text
    if prompt.kind == "harmful" and not is_revealed:
        text = f"[{len(words(text))} words; --reveal prints harmful prompts]"
    return f"{prompt.id} {_kind(prompt):10} {prompt.category:9} {prompt.split or '-':10} {text}"


def _counted(n: int) -> str:
    return f"{n} problem" if n == 1 else f"{n} problems"


def _count(text: str) -> int:
    n = int(text)
    if n < 1:
        raise argparse.ArgumentTypeError(f"{n} is not at least 1")
    return n
