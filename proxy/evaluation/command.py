"""``guardtune eval``: measure policies on a model, with intervals, side by side."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from proxy import __version__
from proxy.backends import registry as backends
from proxy.backends.identity import model_sha256
from proxy.errors import GuardTuneError, InvalidInputError, Problem, SettingsError, StoreError
from proxy.evaluation.choices import ChoiceJudge, choices_as_json
from proxy.evaluation.gates import Result, check_gates
from proxy.evaluation.interrupt import INTERRUPTED, interruptible
from proxy.evaluation.model_choice import in_flight, wide
from proxy.evaluation.order import AUTO, NONE, SECOND, Order, distinct, read_order
from proxy.evaluation.page import as_page
from proxy.evaluation.report import Setting, Subject, as_json
from proxy.evaluation.session import Session, make_plan, run_session
from proxy.evaluation.store import EvaluationStore
from proxy.evaluation.text import as_text
from proxy.suites.splits import SPLITS

OK, GATE_FAILED, USAGE = 0, 1, 2


def main(argv: Sequence[str]) -> int:
    """Run one evaluation.

    Returns:
        0 when it was measured and every gate passed, 1 when a gate failed, 2 where something of
        the user's is wrong, a model or store failed or the judge scored nothing, 130 after Ctrl-C
        or SIGTERM.
    """
    arguments = parser().parse_args(argv)
    try:
        order = read_order(arguments)
        _make_folder(arguments.out)
        with EvaluationStore(arguments.store) as store:
            return _work(order, arguments, store)
    except InvalidInputError as error:
        sys.stderr.write(f"{error}\n{error.how_many}; nothing was measured.\n")
    except GuardTuneError as error:
        sys.stderr.write(f"{error}\n")
    return USAGE


def _work(order: Order, arguments: argparse.Namespace, store: EvaluationStore) -> int:
    """Measure and report; on Ctrl-C or SIGTERM say what is kept."""
    before = store.count_answers()
    try:
        measured = asyncio.run(interruptible(_measure(order, arguments, store)))
    except asyncio.CancelledError:
        new = store.count_answers() - before
        sys.stderr.write(
            f"\nStopped. {new} new answers are kept in {store.path}; the same command goes on.\n"
        )
        return INTERRUPTED
    if measured is None:
        return OK
    report = as_json(measured.setting, measured.subjects, with_texts=arguments.show_prompts)
    report["choices"] = [choices_as_json(one, measured.answered) for one in order.choices]
    results = check_gates(order.gates, report)
    report["gates"] = [_gate(result) for result in results]
    written = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    page, data = arguments.out / "report.html", arguments.out / "report.json"
    _write(data, written)
    _write(page, as_page(report, results))
    sys.stdout.write(written if arguments.json else as_text(report))
    sys.stderr.write("".join(f"{result}\n" for result in results))
    sys.stderr.write(f"Wrote {data} and {page}.\n")
    if not all(result.is_passed for result in results):
        return GATE_FAILED
    if _is_silent(report["policies"]):
        sys.stderr.write("The judge scored no answer, so nothing was measured; they are kept.\n")
        return USAGE
    return OK


@dataclass(frozen=True, slots=True)
class _Measured:
    """What came of it: judged answers to prompts, and answers to multiple-choice questions."""

    setting: Setting
    subjects: tuple[Subject, ...]
    answered: tuple[Subject, ...]


async def _measure(
    order: Order, arguments: argparse.Namespace, store: EvaluationStore
) -> _Measured | None:
    """The result; None where only the plan was asked for."""
    started = time.monotonic()
    async with _session(order, arguments, store) as session:
        sessions = (session, _choosing(session, order))
        for one in sessions:
            if one.prompts and one.may_generate:
                sys.stderr.write(f"{make_plan(one)}\n")
        if arguments.dry_run:
            return None
        subjects, answered = [await run_session(one) for one in sessions]
        setting = Setting(
            model=session.backend.model,
            model_sha256=session.model,
            judges=tuple(judge.judge_id for judge in session.judges),
            card=getattr(session.judges[0], "card", None),
            suites=order.suites,
            split=arguments.split,
            prompts=order.prompts,
            seed=arguments.seed,
            max_tokens=arguments.max_tokens,
            version=__version__,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            elapsed_s=time.monotonic() - started,
            tally=getattr(session.judges[0], "tally", None),
        )
        return _Measured(setting, subjects, answered)


@asynccontextmanager
async def _session(
    order: Order, arguments: argparse.Namespace, store: EvaluationStore
) -> AsyncIterator[Session]:
    """Start the model and the judges, and close them in whatever way the run ends."""
    model = wide(order.model)
    backend = backends.create(model)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(backend.close)
        await backend.start()
        judges = order.judges if order.prompts else ()
        for judge in judges:
            stack.push_async_callback(judge.close)
            await judge.start()
        yield Session(
            policies=order.policies,
            prompts=order.prompts,
            backend=backend,
            judges=distinct(judges, arguments.second_judge) or order.judges,
            store=store,
            model=await asyncio.to_thread(model_sha256, model, backend),
            seed=arguments.seed,
            max_tokens=arguments.max_tokens,
            concurrency=arguments.concurrency or in_flight(model),
            may_generate=not arguments.rejudge,
            stream=sys.stderr,
        )


def _choosing(session: Session, order: Order) -> Session:
    """The same policies on multiple-choice questions, judged by the letter."""
    prompts = {prompt.id: prompt for one in order.choices for prompt in one.prompts}
    return replace(session, prompts=tuple(prompts.values()), judges=(ChoiceJudge(order.choices),))


def _is_silent(policies: Sequence[Mapping[str, Any]]) -> bool:
    """Whether there were answers to judge, and none of them was."""
    unscored = [policy["unscored"] for policy in policies]
    return any(one["n"] for one in unscored) and all(one["k"] == one["n"] for one in unscored)


def _gate(result: Result) -> dict[str, Any]:
    return {
        "gate": result.gate.text, "policy": result.policy, "value": result.value,
        "is_passed": result.is_passed,
    }  # fmt: skip


def _make_folder(path: Path) -> None:
    """Find out that nothing can be written there before the answers are paid for."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with (path / ".writable").open("w"):
            pass
        (path / ".writable").unlink()
    except OSError as error:
        message = f"cannot be written ({error.strerror}). Give another --out."
        raise SettingsError((Problem(str(path), message),)) from error


def _write(path: Path, content: str) -> None:
    """All of the file, or what was there before."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(content, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise StoreError(
            f"{path}: cannot be written ({error.strerror}). The answers are kept: give another "
            "--out, and run the same command again."
        ) from error


def parser() -> argparse.ArgumentParser:
    """Return the flags of `guardtune eval`."""
    parser = argparse.ArgumentParser(
        prog="guardtune eval",
        description="Measure policies on a model, with intervals, side by side.",
        epilog="The same command again goes on where it stopped; see docs/eval.md.",
    )
    what = parser.add_argument_group("what is measured")
    what.add_argument(
        "--model", metavar="MODEL",
        help="embedded, PATH.gguf, URL#NAME, a YAML file with models, or a name of --config "
        "(default: the only one there is, or the embedded one)",
    )  # fmt: skip
    what.add_argument("--config", type=Path, metavar="FILE", help="the server's configuration")
    what.add_argument(
        "--policy", type=Path, action="append", default=[], metavar="FILE",
        help="a policy, or passthrough; may be repeated, the first one is the baseline",
    )  # fmt: skip
    what.add_argument(
        "--suite", action="append", metavar="NAME[:PATH]",
        help="prompts, such as builtin or catqa-en:PATH, or questions, such as "
        "safetybench-en:PATH; may be repeated (default: builtin)",
    )  # fmt: skip
    what.add_argument("--split", choices=(*SPLITS, "all"), default="test")
    what.add_argument(
        "-n", type=_at_least_1, metavar="N",
        help="at most so many harmful-leading prompts, benign ones, and questions of each "
        "multiple-choice suite (default: all)",
    )  # fmt: skip
    what.add_argument("--max-tokens", type=_at_least_1, default=256, help="of an answer (256)")
    what.add_argument("--seed", type=_at_least_0, default=1, help="of prompts and answers (1)")

    how = parser.add_argument_group("how it is judged")
    how.add_argument("--judge", default="embedded", help="a name or a YAML file (embedded)")
    how.add_argument(
        "--second-judge", default=AUTO, metavar="JUDGE",
        help=f"shown beside every rate; {NONE} for nobody (default: {SECOND}, where it is there)",
    )  # fmt: skip
    how.add_argument(
        "--rejudge", action="store_true",
        help="judge the answers in the store, and generate none",
    )  # fmt: skip
    how.add_argument(
        "--fail-if", action="append", default=[], metavar="GATE",
        help="exit with 1 where this is so, as in 'harmful_upper95 > 0.2'; may be repeated",
    )  # fmt: skip

    where = parser.add_argument_group("where it goes")
    where.add_argument("--store", type=Path, default=Path("var/eval.sqlite"), metavar="FILE")
    where.add_argument("--out", type=Path, default=Path("var/eval"), metavar="FOLDER")
    where.add_argument("--json", action="store_true", help="print JSON instead of text")
    where.add_argument(
        "--show-prompts", action="store_true",
        help="put the prompts and answers on which policies differ into the files",
    )  # fmt: skip
    where.add_argument("--concurrency", type=_at_least_1, help="answers in flight at once")
    where.add_argument("--dry-run", action="store_true", help="print the plan, and stop")
    return parser


def _at_least_1(text: str) -> int:
    return _at_least(text, 1)


def _at_least_0(text: str) -> int:
    return _at_least(text, 0)


def _at_least(text: str, least: int) -> int:
    number = int(text)
    if number < least:
        raise argparse.ArgumentTypeError(f"{number} is not at least {least}")
    return number
