"""What a judge's scores are worth against labels: its errors, and the band of a cascade."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from proxy.domain import Exchange
from proxy.errors import Problem, SuiteError
from proxy.evaluation.line_stream import in_order, read_lines
from proxy.evaluation.statistics import Rate
from proxy.judges import bands
from proxy.judges.bands import Band
from proxy.judges.base import Judge
from proxy.judges.cascade import NO_DECISION, draw
from proxy.judges.score_lines import LabelledRow, read_row

_MAX_PROBLEMS: Final = 20
_REASONS: Final = 5
_STEPS: Final = 10_000
_HALF: Final = 0.5
_SALT: Final = "folds"


@dataclass(frozen=True, slots=True)
class Case:
    """One labelled answer as the judge scored it.

    Args:
        exchange: what was judged.
        score: of harmful, in [0, 1].
        called: what the judge says at its own threshold.
        is_harmful: what the label says.
    """

    exchange: Exchange
    score: float
    called: bool
    is_harmful: bool


@dataclass(frozen=True, slots=True)
class Calibration:
    """A judge measured on labels.

    Args:
        cases: answers that it scored.
        unscored: reasons, each with the number of answers.
        n_benign: answers to benign prompts, which have no part in it.
        max_error: the share of each kind that may be settled wrongly.
        band: that keeps to it.
    """

    cases: tuple[Case, ...]
    unscored: Counter[str]
    n_benign: int
    max_error: float
    band: Band

    @property
    def sensitivity(self) -> Rate:
        """Called harmful, of the answers labelled harmful."""
        return Rate.of(case.called for case in self.cases if case.is_harmful)

    @property
    def specificity(self) -> Rate:
        """Called harmless, of the answers labelled harmless."""
        return Rate.of(not case.called for case in self.cases if not case.is_harmful)

    @property
    def escalated(self) -> Rate:
        """Scores within the band, of all."""
        return Rate.of(case.score in self.band for case in self.cases)

    def settled_wrongly(self, *, is_harmful: bool) -> Rate:
        """Answers of a kind on the wrong side of a band that was made without them.

        Two halves, by the content's hash; each is checked against the other's band.
        """
        halves: tuple[list[Case], list[Case]] = ([], [])
        for case in self.cases:
            halves[draw(case.exchange, _SALT) < _HALF].append(case)
        return Rate.of(
            _is_wrong(case, band)
            for half, other in (halves, halves[::-1])
            for band in [_band(other, self.max_error)]
            for case in half
            if case.is_harmful == is_harmful
        )


async def calibrate(
    stream: BinaryIO, judge: Judge, *, file: str, concurrency: int, max_error: float
) -> Calibration:
    """Judge labelled answers and find the band.

    Args:
        stream: one JSON object a line, with ``harmful`` beside what `score` reads.
        judge: a started judge.
        file: the stream's name in problems.
        concurrency: lines judged at once.
        max_error: of each kind, the share that may be settled wrongly, in (0, 1).

    Raises:
        SuiteError: lines cannot be read; they are named, up to a limit, and nothing was judged.
    """
    rows = await _read(stream, file)
    labelled = [row for row in rows if row.kind != "benign"]
    judged: list[Case | str] = []
    await in_order(
        _each(labelled), lambda row: _case(judge, row), judged.append, concurrency=concurrency
    )
    cases = tuple(item for item in judged if isinstance(item, Case))
    reasons = Counter(item for item in judged if isinstance(item, str))
    band = _band(cases, max_error)
    return Calibration(cases, reasons, len(rows) - len(labelled), max_error, band)


async def _read(stream: BinaryIO, file: str) -> list[LabelledRow]:
    """All rows before the first is judged: judging may be slow, and a half-labelled set no help."""
    problems: list[Problem] = []
    rows: list[LabelledRow] = []
    async for number, content in read_lines(stream):
        row = read_row(content, LabelledRow, file=file, number=number)
        if isinstance(row, Problem):
            problems.append(row)
        else:
            rows.append(row)
    if problems:
        raise SuiteError(tuple(problems[:_MAX_PROBLEMS]))
    return rows


async def _each(rows: Iterable[LabelledRow]) -> AsyncIterator[LabelledRow]:
    for row in rows:
        yield row


async def _case(judge: Judge, row: LabelledRow) -> Case | str:
    """A case, or the reason why there is none."""
    verdict = await judge.judge(row.exchange)
    if verdict.status == "unscored" or verdict.score is None or verdict.harmful is None:
        return verdict.reason or NO_DECISION
    return Case(row.exchange, verdict.score, verdict.harmful, row.harmful)


def describe(found: Calibration, judge: Judge, *, file: str) -> Iterator[str]:
    """What was found, as YAML: figures in comments, then what goes into a judge's file."""
    yield from (f"# {line}" for line in _figures(found, judge))
    yield f"band: [{found.band.low:g}, {found.band.high:g}]  # of a cascade with this cheap judge"
    yield "card:  # of this judge"
    yield f"  sensitivity: [{found.sensitivity.k}, {found.sensitivity.n}]"
    yield f"  specificity: [{found.specificity.k}, {found.specificity.n}]"
    yield f"  set: {json.dumps(file)}"


def _figures(found: Calibration, judge: Judge) -> Iterator[str]:
    benign = f"; {found.n_benign:,} to benign prompts left out" if found.n_benign else ""
    yield f"judge        {judge.judge_id}"
    yield f"answers      {len(found.cases):,} scored, {found.unscored.total():,} unscored{benign}"
    for reason, n in found.unscored.most_common(_REASONS):
        yield f"             {n:,}: {reason[:200]}"
    yield f"sensitivity  {found.sensitivity}"
    yield f"specificity  {found.specificity}"
    yield f"escalated    {found.escalated}"
    yield f"wrongly settled, cross-checked: harmful {found.settled_wrongly(is_harmful=True)}"
    yield f"                               harmless {found.settled_wrongly(is_harmful=False)}"
    yield from _warnings(found)


def _warnings(found: Calibration) -> Iterator[str]:
    needed = round(1 / found.max_error) - 1
    for count, kind in ((found.sensitivity.n, "harmful"), (found.specificity.n, "harmless")):
        if count < needed:
            yield (
                f"too few {kind} answers: {count}. At least {needed} are needed for an error of "
                f"{found.max_error:g}; until then that side of the band settles nothing."
            )


def _band(cases: Sequence[Case], max_error: float) -> Band:
    """Rounded outwards, so that what is printed keeps the promise."""
    pairs = [(case.score, case.is_harmful) for case in cases]
    band = bands.calibrate(pairs, max_error=max_error)
    low, high = math.floor(band.low * _STEPS), math.floor(band.high * _STEPS) + 1
    return Band(low / _STEPS, min(1.0, high / _STEPS))


def _is_wrong(case: Case, band: Band) -> bool:
    return case.score < band.low if case.is_harmful else case.score >= band.high
