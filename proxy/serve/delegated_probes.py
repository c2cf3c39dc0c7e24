"""Probes of a server with several workers: a worker answers and judges, its parent counts.

A worker can be killed at any moment, by a judge's native code, say. What it had judged and told is
counted by then, in a process that no judge runs in; what it had not is asked of another worker, on
the same prompts with the same seeds. So nothing is lost and nothing counts twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from proxy.backends.base import Backend
from proxy.domain import Priority, Verdict
from proxy.evaluation.run import Answer, Judged, Task
from proxy.judges.base import Judge
from proxy.serve.worker_process import WorkerProcess

MOST_DEATHS = 2
"""So many workers may die over one set of prompts: it may be what kills them."""


class DelegatedProbes:
    """Stands in for `proxy.evaluation.run.evaluate`; the event loop owns it.

    Args:
        prober: waits for a worker that can be asked.
    """

    def __init__(self, prober: Callable[[], Awaitable[WorkerProcess]]) -> None:
        self._prober = prober

    async def evaluate(
        self,
        backend: Backend,
        judge: Judge,  # noqa: ARG002 - the worker has its own
        tasks: Sequence[Task],
        *,
        concurrency: int,
        priority: Priority,
        on_judged: Callable[[Judged], None],
    ) -> None:
        """Have tasks answered and judged, each once.

        Raises:
            RuntimeError: workers died over them, or a bug of ours stopped one; what was judged
                before was handed over.
        """
        left = dict(enumerate(tasks))

        def take(at: int, answer: Answer, verdict: Verdict) -> None:
            on_judged(Judged(left.pop(at), answer, verdict))

        n_deaths = 0
        while left:
            worker = await self._prober()
            end = await worker.evaluate(
                backend.model, left, concurrency=concurrency, priority=priority, on_probed=take
            )
            n_deaths += end == "died"
            if end == "failed" or n_deaths > MOST_DEATHS:
                raise RuntimeError(f"{len(left)} probes of {backend.model}: a worker {end}")
