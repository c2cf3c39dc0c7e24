"""`guardtune tune report`: the result as text, as JSON, or as a page."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from proxy.domain import Prompt
from proxy.errors import Problem, SettingsError
from proxy.evaluation.store import EvaluationStore
from proxy.suites.loaders import load_suites
from tuner.config import RunConfig
from tuner.record import Record
from tuner.report.live import PageRequest, follow, write_page
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
        "--second-judge", default=_SECOND_JUDGE, metavar="NAME",
        help=f"who reads the page's answers once more; {_NONE} for nobody "
             f"(default: {_SECOND_JUDGE})",
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
    if arguments.json:
        sys.stdout.write(json.dumps(as_json(record), indent=2) + "\n")
    else:
        sys.stdout.write(as_text(record))
    return 0


def _page(arguments: argparse.Namespace) -> int:
    request = PageRequest(
        store=arguments.store,
        run_id=arguments.run,
        target=arguments.html,
        second_judge=None if arguments.second_judge == _NONE else arguments.second_judge,
        with_texts=arguments.show_prompts,
        prompts=_prompts,
    )
    try:
        record = follow(request) if arguments.watch else write_page(request)
    except KeyboardInterrupt:
        sys.stderr.write(f"\nNo longer watching; {arguments.html} stays as it is.\n")
        return 0
    sys.stdout.write(f"Wrote {arguments.html} (run {record.run.id}).\n")
    return 0


def _prompts(config: RunConfig) -> tuple[Prompt, ...]:
    return load_suites(config.suites).prompts
