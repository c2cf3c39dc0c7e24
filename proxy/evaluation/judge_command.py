"""`guardtune judge score|calibrate`: judge answers in a file, or measure a judge on labels."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, TextIO, TypeVar

from proxy.errors import GuardTuneError
from proxy.evaluation.calibration import calibrate, describe
from proxy.evaluation.scoring import Scored, Summary, score
from proxy.judges.bands import MAX_ERROR
from proxy.judges.base import Judge
from proxy.judges.configured import load_judge
from proxy.judges.registry import DEFAULT

_STDIN: Final = "-"
_CONCURRENCY: Final = 8

Result = TypeVar("Result")


def main(argv: Sequence[str]) -> int:
    """Run the sub-command.

    Returns:
        0 when every line was judged, unscored ones included; 1 where a line could not be read or
        the judge broke on it; 2 where nothing could be done at all, said on stderr.
    """
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except GuardTuneError as error:
        sys.stderr.write(f"{error}\n")
    except BrokenPipeError:
        # Whoever read our lines has enough. Python would complain once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        sys.stderr.write(f"{arguments.file}: {error.strerror or error}\n")
    return 2


def _score(arguments: argparse.Namespace) -> int:
    summary = Summary()
    out = sys.stdout.buffer

    def emit(scored: Scored) -> None:
        summary.add(scored)
        out.write(scored.line())
        out.flush()
        if scored.problem is not None:
            sys.stderr.write(f"{scored.problem}\n")

    async def work(judge: Judge) -> float:
        started = time.perf_counter()
        await score(stream, judge, emit, file=name, concurrency=arguments.concurrency)
        return time.perf_counter() - started

    with _opened(arguments.file) as (stream, name):
        judge, seconds = _with_judge(arguments.judge, work)
    _say(sys.stderr, [*summary.text(judge), _pace(summary.n, seconds)])
    return 1 if summary.n_errors else 0


def _calibrate(arguments: argparse.Namespace) -> int:
    with _opened(arguments.file) as (stream, name):
        judge, found = _with_judge(
            arguments.judge,
            lambda judge: calibrate(
                stream,
                judge,
                file=name,
                concurrency=arguments.concurrency,
                max_error=arguments.max_error,
            ),
        )
    _say(sys.stdout, describe(found, judge, file=name))
    return 0


def _with_judge(spec: str, work: Callable[[Judge], Awaitable[Result]]) -> tuple[Judge, Result]:
    """The judge of that name or file, and what the work gave while it was started."""
    judge = load_judge(spec)

    async def run() -> Result:
        await judge.start()
        try:
            return await work(judge)
        finally:
            await judge.close()

    return judge, asyncio.run(run())


@contextmanager
def _opened(file: str) -> Iterator[tuple[BinaryIO, str]]:
    """The lines' stream, and what problems call it."""
    if file == _STDIN:
        yield sys.stdin.buffer, "stdin"
        return
    with Path(file).open("rb") as stream:
        yield stream, file


def _say(stream: TextIO, lines: Iterable[str]) -> None:
    stream.write("".join(f"{line}\n" for line in lines))


def _pace(n: int, seconds: float) -> str:
    return f"time       {seconds:.1f} s, {60 * n / max(seconds, 1e-9):,.0f} lines a minute"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="guardtune judge", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="score|calibrate")

    scoring = commands.add_parser(
        "score",
        help="judge one {prompt, answer, kind} a line",
        description=(
            "Reads one JSON object a line: prompt, answer and, where it is known, the prompt's own "
            "kind, harmful or benign. Prints one verdict a line, in the same order; what the rates "
            "are is said on stderr in the end."
        ),
    )
    _add_common(scoring)
    scoring.set_defaults(run=_score)

    calibration = commands.add_parser(
        "calibrate",
        help="measure a judge on labelled answers; find a cascade's band",
        description=(
            "Reads lines as `score` does, each with the truth in `harmful`. Prints the judge's "
            "sensitivity and specificity, and the band of scores in which a cascade has to ask its "
            "strong judge, as YAML."
        ),
    )
    _add_common(calibration)
    calibration.add_argument(
        "--max-error",
        type=_share,
        default=MAX_ERROR,
        metavar="E",
        help="of each kind, the share that may be settled wrongly (default: %(default)s)",
    )
    calibration.set_defaults(run=_calibrate)
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE.jsonl", help="`-` reads standard input")
    parser.add_argument(
        "--judge",
        default=DEFAULT,
        metavar="SPEC",
        help="a judge's name or a YAML file, docs/judges/configuring.md (%(default)s)",
    )
    parser.add_argument(
        "--concurrency",
        type=_count,
        default=_CONCURRENCY,
        metavar="N",
        help="answers judged at once (default: %(default)s)",
    )


def _count(text: str) -> int:
    n = int(text)
    if n < 1:
        raise argparse.ArgumentTypeError(f"{n} is not at least 1")
    return n


def _share(text: str) -> float:
    share = float(text)
    if not 0 < share < 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return share
