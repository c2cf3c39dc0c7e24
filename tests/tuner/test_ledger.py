"""Whatever depends on time is written down."""

from __future__ import annotations

import io
from pathlib import Path

from proxy.evaluation.store import EvaluationStore, Run
from tuner.checkpoint import Journal
from tuner.ledger import Ledger
from tuner.progress import Progress
from tuner.watch import Watch


def test_observations_carry_the_runs_time_and_set_the_watch_on_resume(tmp_path: Path) -> None:
    """A resumed run takes the earlier session's time over."""
    now = 0.0

    def ledger(store: EvaluationStore) -> Ledger:
        watch = Watch(lambda: now)
        progress = Progress(io.StringIO(), generations=1, total_s=9.0, elapsed_s=watch.elapsed_s)
        return Ledger(Journal(store, "r"), watch, progress)

    with EvaluationStore(tmp_path / "s.sqlite") as store:
        store.add_run(Run("r", 0.0, {}))
        first = ledger(store)
        now = 40.0
        assert first.observe("pace", lambda s: {"half": s / 2}) == {"elapsed_s": 40.0, "half": 20.0}
        now = 1000.0
        second = ledger(store)
        now = 1001.0
        assert second.observe("pace", lambda s: {"half": s / 2})["half"] == 20.0
        now = 1003.0
        assert second.watch.elapsed_s() == 42.0
