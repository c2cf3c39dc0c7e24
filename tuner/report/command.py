"""`guardtune tune report`: the result as text, as JSON, or as a page."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from proxy.domain import Prompt
from proxy.errors import GuardTuneError, Problem, SettingsError, SuiteError
from proxy.evaluation.interrupt import INTERRUPTED
from proxy.evaluation.store import EvaluationStore
from proxy.suites.loaders import load_suites
from tuner.record import Record
from tuner.report.facts import Facts, refuse_other_prompts
from tuner.report.live import PageRequest, follow, write_page
from tuner.report.result import as_result
from tuner.report.second import SecondJudge, read_again
from tuner.report.text import as_json, as_text

_SECOND_JUDGE = "embedded-ngrams"

_NONE = "none"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the sub-command takes beside `--store` and `--run`."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--html", type=Path, metavar="FILE", help="write a page with charts")
    parser.add_argument(
        "--watch", action="store_true", help="write the page again until the run has finished"
    )
    parser.add_argument(
        "--show-prompts", action="store_true", help="show prompts and answers on the page"
    )
    parser.add_argument(
        "--second-judge", metavar="NAME",
        help=f"who reads the reported answers once more; {_NONE} for nobody "
             f"(default: {_SECOND_JUDGE}, unless the search has used that)",
    )  # fmt: skip


def report(arguments: argparse.Namespace) -> int:
    """Print the result, or write the page.

    Raises:
        GuardTuneError: the store, the run, its prompts or the second judge cannot be used.
    """
    if arguments.html is not None:
        return _page(arguments)
    if arguments.watch or arguments.show_prompts:
        message = "is for the page. Give --html FILE, too."
        raise SettingsError((Problem("--watch" if arguments.watch else "--show-prompts", message),))
    with EvaluationStore(arguments.store, read_only=True) as store:
        record = Record.load(store, arguments.run)
        result = _result(record, store, _second_judge(arguments))
    if arguments.json:
        sys.stdout.write(json.dumps(result, indent=2) + "\n")
    else:
        sys.stdout.write(_as_text(record, result))
    return 0


def ended(record: Record, store: EvaluationStore) -> str:
    """What a run prints when it has done its work: a second judge's rates stand beside the first's.

    Args:
        record: of the run.
        store: open.
    """
    for second in (SecondJudge(_SECOND_JUDGE), None):
        try:
            return _as_text(record, _result(record, store, second))
        except GuardTuneError as error:
            lacking = "figures by suite" if second is None else "second judge"
            sys.stderr.write(f"{error}\nHence no {lacking}.\n")
    return as_text(record)


def _as_text(record: Record, result: Mapping[str, Any]) -> str:
    return as_text(record, result["second_judge"], by_suite=result["by_suite"])


def _result(
    record: Record, store: EvaluationStore, second_judge: SecondJudge | None
) -> dict[str, Any]:
    """With cost, suites and a second judge, or the journal alone where those cannot be read."""
    bare = as_json(record) | {"second_judge": None, "by_suite": None, "budget": None}
    if record.find("run") is None:
        return bare
    try:
        prompts = _prompts(record)
    except SuiteError as error:
        sys.stderr.write(
            f"{error}\nHence no second judge, no figures by suite and no budget used.\n"
        )
        return bare
    facts = Facts(record, store, record.config.sizes, prompts)
    return as_result(facts, written=facts.written, second=read_again(facts, second_judge))


def _second_judge(arguments: argparse.Namespace) -> SecondJudge | None:
    name: str | None = arguments.second_judge
    if name is None:
        return SecondJudge(_SECOND_JUDGE)
    return None if name == _NONE else SecondJudge(name, is_asked_for=True)


def _page(arguments: argparse.Namespace) -> int:
    request = PageRequest(
        store=arguments.store,
        run_id=arguments.run,
        target=arguments.html,
        second_judge=_second_judge(arguments),
        with_texts=arguments.show_prompts,
        prompts=_prompts,
    )
    try:
        record = follow(request) if arguments.watch else write_page(request)
    except KeyboardInterrupt:
        if not arguments.watch:
            sys.stderr.write(f"\nStopped; {arguments.html} has not been written.\n")
            return INTERRUPTED
        sys.stderr.write(f"\nNo longer watching; {arguments.html} stays as it is.\n")
        return 0
    sys.stdout.write(f"Wrote {arguments.html} (run {record.run.id}).\n")
    return 0


def _prompts(record: Record) -> tuple[Prompt, ...]:
    suite = load_suites(record.config.suites)
    refuse_other_prompts(record, suite)
    return suite.prompts
