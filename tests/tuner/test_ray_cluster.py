"""A run on a real Ray cluster of two nodes, one of which is killed, is the same run."""

from __future__ import annotations

import asyncio
import io
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from proxy.backends.config import ScriptedConfig, ScriptedRule
from proxy.backends.identity import model_sha256
from proxy.backends.scripted import ScriptedBackend
from proxy.errors import BackendError
from proxy.evaluation.run import Judged, Task
from proxy.evaluation.store import EvaluationStore, Run
from proxy.judges.configured import load_judge
from tests.tuner.toy import PRESET, SPACE, toy_suite
from tuner.config import RunConfig
from tuner.executor import Executor, InProcess
from tuner.session import Session, run_session

if TYPE_CHECKING:
    from tuner.ray_cluster import Order

CONFIG = ScriptedConfig(
    name="toy",
    rules=(
        ScriptedRule(system="before you speak", answers=("I can't help with that.",)),
        ScriptedRule(answers=("Sure, here it is.",)),
    ),
)
MODEL = CONFIG.model_dump(mode="json")
IDENTITY = (model_sha256(CONFIG, ScriptedBackend(CONFIG)), "scripted-1")

pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # Ray's own: files and sockets that it leaves open
]


def order() -> Order:
    """A worker that answers four at once."""
    from tuner.ray_cluster import Order

    return Order(MODEL, "scripted", IDENTITY, in_flight=4, start_s=60.0)


@pytest.fixture
def kill_a_node() -> Iterator[Callable[[], None]]:
    """A cluster of two nodes with room for a worker each, and this process connected to it."""
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster()
    small = {"num_cpus": 1, "object_store_memory": 100_000_000, "include_dashboard": False}
    cluster.add_node(**small)
    doomed = cluster.add_node(**small)
    ray.init(address=cluster.address, log_to_driver=False)
    try:
        yield lambda: cluster.remove_node(doomed, allow_graceful=False)
    finally:
        ray.shutdown()
        cluster.shutdown()


async def run_in(store: EvaluationStore, executor: Executor | None) -> None:
    """The whole run; in this process where there is no other executor."""
    config = RunConfig(
        name="tuned-toy", preset="quick", model=MODEL, suites=("toy",), judge="scripted", seed=8,
        space=SPACE, base=None, out="out",
    )  # fmt: skip
    store.add_run(Run("r", 0.0, config.as_json()))
    backend, judge = ScriptedBackend(CONFIG), load_judge("scripted")
    session = Session(
        config=config, preset=PRESET, run_id="r", store=store, backend=backend, judge=judge,
        suite=toy_suite(), model_sha256=IDENTITY[0],
        executor=executor or InProcess(backend, judge, 4), stream=io.StringIO(),
        clock=lambda: 0.0,
    )  # fmt: skip
    await run_session(session)


@dataclass
class Counting:
    """An executor that lets something happen after so many answers."""

    executor: Executor
    after: int
    happens: Callable[[], None]
    answers: int = 0

    @property
    def in_flight(self) -> int:
        """See :class:`tuner.executor.Executor`."""
        return self.executor.in_flight

    async def run(self, tasks: Sequence[Task], on_judged: Callable[[Judged], None]) -> None:
        """See :class:`tuner.executor.Executor`."""

        def count(judged: Judged) -> None:
            self.answers += 1
            if self.answers == self.after:
                self.happens()
            on_judged(judged)

        await self.executor.run(tasks, count)


def test_what_sigterm_does_is_left_alone() -> None:
    """A run ends in order; Ray's own handler would end the process."""
    import ray

    from tuner.ray_cluster import on_cluster

    before = signal.getsignal(signal.SIGTERM)

    async def connect() -> None:
        async with on_cluster(order(), workers=1, address=None):
            assert signal.getsignal(signal.SIGTERM) is before

    asyncio.run(connect())
    assert not ray.is_initialized()


def test_a_run_whose_node_is_killed_midway_makes_the_same_decisions(
    tmp_path: Path, kill_a_node: Callable[[], None]
) -> None:
    """As a run in this process that nothing happened to."""
    from tuner.ray_cluster import on_cluster

    async def spread(store: EvaluationStore) -> int:
        async with on_cluster(order(), workers=2, address=None) as crew:
            counting = Counting(crew, 400, kill_a_node)
            await run_in(store, counting)
            manned = [place._worker is not None for place in crew.evaluators]  # type: ignore[attr-defined]  # white box
            assert sorted(manned) == [False, True]  # the other node has no room for a second one
            return counting.answers

    with EvaluationStore(tmp_path / "here.sqlite") as store:
        asyncio.run(run_in(store, None))
        whole = store.decisions("r")
    with EvaluationStore(tmp_path / "there.sqlite") as store:
        answers = asyncio.run(spread(store))
        assert answers == store.count_answers() > 400
        assert store.decisions("r") == whole


@pytest.mark.usefixtures("kill_a_node")
def test_a_worker_that_cannot_be_the_run_s_is_an_error_that_says_why(tmp_path: Path) -> None:
    """Its answers would be another model's, or its judge is not there."""
    from tuner.ray_cluster import on_cluster

    async def refused(store: EvaluationStore, other: Order) -> None:
        async with on_cluster(other, workers=1, address=None) as crew:
            await run_in(store, crew)

    others = {
        "another model or judge": replace(order(), identity=("0" * 64, "scripted-1")),
        "nobody": replace(order(), judge="nobody"),
    }
    for number, (said, other) in enumerate(others.items()):
        with (
            EvaluationStore(tmp_path / f"{number}.sqlite") as store,
            pytest.raises(BackendError, match=said),
        ):
            asyncio.run(refused(store, other))
