"""The page on disk: written whole, and again whenever a running search has decided something."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from proxy.domain import Prompt
from proxy.errors import GuardTuneError, StoreError
from proxy.evaluation.store import EvaluationStore
from proxy.judges.asked_model import untagged
from proxy.judges.cards import Card
from proxy.judges.configured import load_judge
from tuner.record import Record
from tuner.report.document import as_document
from tuner.report.facts import Facts
from tuner.report.page import as_page
from tuner.report.second import SecondJudge, read_again

POLL_S = 5.0
"""Seconds between two looks at the store, at least; the browser loads the page as often."""

_MOST_SHARE = 0.05
"""Of one core's time for making pages beside a running search."""

_STARTING_S = 600.0
"""A run that has decided nothing for longer does not start any more: its model could not."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What page of what run.

    Args:
        store: the file.
        run_id: None for the latest run.
        target: where the page goes.
        second_judge: who reads the reported answers once more; None for nobody.
        with_texts: whether prompts and answers are shown where policies differ.
        prompts: from a run to its prompts.
    """

    store: Path
    run_id: str | None
    target: Path
    second_judge: SecondJudge | None
    with_texts: bool
    prompts: Callable[[Record], tuple[Prompt, ...]]


def write_page(request: PageRequest, *, refresh_s: int | None = None) -> Record:
    """Make the page once.

    Returns:
        The run as the page shows it.

    Raises:
        StoreError: there is no such run, it has not started, or the page cannot be written.
        SuiteError: the run's prompts are not there any more, or not the same.
    """
    with EvaluationStore(request.store, read_only=True) as store:
        record = Record.load(store, request.run_id)
        page = _page(request, record, store, None if record.is_finished else refresh_s)
    _write(request.target, page)
    return record


def follow(
    request: PageRequest,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Record:
    """Make the page again after every decision, until the run has finished.

    Without a run id, the latest run is looked up until one has begun; that one it stays with.

    Raises:
        StoreError: as for :func:`write_page`, except that a run may still have to start.
    """
    seen = -1
    while True:
        began = clock()
        with EvaluationStore(request.store, read_only=True) as store:
            record = _watched(store, request.run_id)
        if record.find("run") is not None and len(record.decisions) != seen:
            seen = len(record.decisions)
            request = replace(request, run_id=record.run.id)
            record = write_page(request, refresh_s=round(POLL_S))
            if record.is_finished:
                return record
        sleep(max(POLL_S, (clock() - began) / _MOST_SHARE))


def _watched(store: EvaluationStore, run_id: str | None) -> Record:
    """The run to follow: rather one that is starting just now than one that is over."""
    record = Record.load(store, run_id)
    latest = store.runs()[-1]
    if run_id is None and record.is_finished and time.time() - latest.started_at < _STARTING_S:
        return Record.load(store, latest.id)
    return record


def _page(
    request: PageRequest, record: Record, store: EvaluationStore, refresh_s: int | None
) -> str:
    facts = Facts(record, store, record.config.sizes, request.prompts(record))
    document = as_document(
        facts,
        written=facts.written,
        second=read_again(facts, request.second_judge),
        card=_card(facts),
        with_texts=request.with_texts,
    )
    return as_page(document, store=str(request.store), refresh_s=refresh_s)


def _card(facts: Facts) -> Card | None:
    """The card of the run's judge, unless that judge has become another one since."""
    try:
        judge = load_judge(facts.record.config.judge)
    except GuardTuneError:
        return None
    # A judge may add to its id when it starts, how it reads relevance say; the card is the head's.
    is_same = untagged(str(facts.identity["judge"])).startswith(judge.judge_id)
    return getattr(judge, "card", None) if is_same else None


def _write(target: Path, page: str) -> None:
    """So that a browser loads the old page or the whole new one."""
    temporary = target.parent / f".{target.name}.tmp"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(page, encoding="utf-8")
        temporary.replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):  # what kept it from being written may do so here, too
            temporary.unlink(missing_ok=True)
        raise StoreError(
            f"{target}: cannot be written ({error.strerror}). Give another --html."
        ) from error
