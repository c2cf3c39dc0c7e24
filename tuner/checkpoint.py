"""The journal of a run's decisions: what makes a resumed run the same run.

The search is deterministic once answers and measured times are given. Answers come from the store;
times and the like are *observed*, written down, and read back on resume. So a run resumes by
starting again from its seed: every decision is replayed, checked against the journal, and the first
one that is not there yet goes on live.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from proxy.errors import StoreError
from proxy.evaluation.store import Decision, EvaluationStore

Body = Mapping[str, Any]


class Journal:
    """One run's decisions, replayed first and then appended to.

    Args:
        store: open for writing.
        run_id: a run of the store.
    """

    def __init__(self, store: EvaluationStore, run_id: str) -> None:
        self._store = store
        self._run_id = run_id
        self._recorded = store.decisions(run_id)
        self._number = 0

    @property
    def is_replaying(self) -> bool:
        """Whether the next decision is recorded already."""
        return self._number < len(self._recorded)

    def recorded(self, kind: str) -> list[Body]:
        """What earlier sessions wrote down of a kind, replayed already or not."""
        return [one.body for one in self._recorded if one.kind == kind]

    def decide(self, kind: str, body: Body) -> None:
        """Write a decision down, or check that it is the one recorded.

        Raises:
            StoreError: the recorded one differs, so the run would not be the same run.
        """
        decision = _plain(kind, body)
        if self.is_replaying and self._recorded[self._number] != decision:
            raise self._another_run(kind)
        self._append(decision)

    def observe(self, kind: str, measure: Callable[[], Body]) -> Body:
        """What was measured: read back if recorded, else measured now and written down.

        Raises:
            StoreError: something else is recorded here.
        """
        if not self.is_replaying:
            self._append(observed := _plain(kind, measure()))
            return observed.body
        observed = self._recorded[self._number]
        if observed.kind != kind:
            raise self._another_run(kind)
        self._append(observed)
        return observed.body

    async def ask(self, kind: str, question: Callable[[], Awaitable[Body]]) -> Body:
        """Like :meth:`observe`, of something that takes a while; cancelled, it was never asked.

        Raises:
            StoreError: something else is recorded here.
        """
        said: Body = {} if self.is_replaying else await question()
        return self.observe(kind, lambda: said)

    def _another_run(self, kind: str) -> StoreError:
        return StoreError(
            f"{self._store.path}: run {self._run_id} cannot be resumed: decision {self._number} "
            f"({kind}) would differ from the recorded one. A suite, the judge or GuardTune itself "
            "has changed since; start a new run, stored answers are reused."
        )

    def _append(self, decision: Decision) -> None:
        if not self.is_replaying:
            self._store.add_decision(self._run_id, self._number, decision)
        self._number += 1


def digest(decisions: Iterable[Decision]) -> str:
    """Hash over a run's decisions; equal for a resumed and an uninterrupted run.

    Returns:
        16 hex digits.
    """
    lines = (json.dumps([one.kind, one.body], sort_keys=True) for one in decisions)
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def _plain(kind: str, body: Body) -> Decision:
    """As it reads back from JSON: tuples become lists."""
    return Decision(kind, json.loads(json.dumps(body, sort_keys=True)))
