"""A run on a real Ray cluster of two nodes, one of which is killed, is the same run."""

from __future__ import annotations

import asyncio
import io
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from proxy.backends.config import ScriptedConfig, ScriptedRule
from proxy.backends.identity import model_sha256
from proxy.backends.scripted import ScriptedBackend
from proxy.errors import BackendError
from proxy.evaluation.run import Judged, Task, tasks_for
from proxy.evaluation.store import EvaluationStore, Run
from proxy.judges.configured import load_judge
from proxy.policy.schema import PASSTHROUGH
from proxy.tasks import spawn
from tests.tuner.toy import PRESET, SPACE, toy_prompt, toy_suite
from tuner.config import RunConfig
from tuner.crew import Crew
from tuner.executor import Executor, InProcess
from tuner.session import Session, run_session
from tuner.worker import Plain, Worker

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


class InThisProcess:
    """Stands for Ray where its processes are beside the point: a worker that never dies alone."""

    def __init__(self, *models: ScriptedConfig | None) -> None:
        self._models = list(models)
        self.hired = 0
        self.killed: list[object] = []
        self.gate = asyncio.Event()  # closed, nobody is through with starting
        self.gate.set()

    def remote(self, worker: type[Worker]) -> SimpleNamespace:
        """Workers of the models one after the other, the last as often as is asked for.

        One without a model never starts.
        """

        def hire(_model: object, judge: str) -> SimpleNamespace:
            at = min(self.hired, len(self._models) - 1)
            self.hired += 1
            model = self._models[at]
            hired = worker((model or CONFIG).model_dump(mode="json"), judge)

            async def answer(plain: Plain) -> Plain:
                await asyncio.sleep(0)
                return await hired.answer(plain)

            async def start() -> tuple[str, str]:
                if model is None:
                    await asyncio.Event().wait()
                await hired.start()
                await self.gate.wait()
                return IDENTITY

            return SimpleNamespace(
                start=SimpleNamespace(remote=lambda: spawn(start(), name="start")),
                answer=SimpleNamespace(remote=answer),
                judge=SimpleNamespace(remote=hired.judge),
            )

        return SimpleNamespace(options=lambda **_: SimpleNamespace(remote=hire))

    def kill(self, worker: object) -> None:
        """Remember who."""
        self.killed.append(worker)


def answers_of(
    patch: pytest.MonkeyPatch, cluster: InThisProcess, *, places: int = 1, start_s: float = 60.0
) -> list[Judged]:
    """What workers that are hired from there make of twenty tasks, asked again if they give up."""
    from tuner import ray_cluster

    patch.setattr(ray_cluster, "ray", cluster)
    prompts = [toy_prompt("harmful", "search", number) for number in range(20)]
    tasks = tasks_for(PASSTHROUGH, prompts, run_seed=1, max_tokens=8)
    seen: list[Judged] = []

    async def go() -> None:
        hired = replace(order(), start_s=start_s)
        crew = Crew("toy", tuple(ray_cluster.Place(hired) for _ in range(places)))
        with suppress(BackendError):
            await crew.run(tasks, seen.append)
        if not seen:
            await crew.run(tasks, seen.append)

    asyncio.run(go())
    return seen


def failing(status: int) -> ScriptedConfig:
    """A model whose server answers nothing else."""
    return ScriptedConfig(name="toy", rules=(ScriptedRule(status=status),))


def test_a_worker_that_is_alive_and_answers_nothing_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What it lost is answered."""
    cluster = InThisProcess(failing(503), CONFIG)
    judged = answers_of(monkeypatch, cluster)
    assert [one.answer.error for one in judged] == [None] * 20
    assert (cluster.hired, len(cluster.killed)) == (2, 1)


def test_one_place_of_broken_workers_does_not_eat_what_the_others_would_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each of its workers is ended after a few losses, and after three of them the place."""
    cluster = InThisProcess(CONFIG, *3 * [failing(500)])
    judged = answers_of(monkeypatch, cluster, places=2)
    assert [one.answer.error for one in judged] == [None] * 20


def test_workers_that_all_answer_nothing_are_an_error_that_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And nothing is taken for an answer."""
    cluster = InThisProcess(failing(503))
    with pytest.raises(BackendError, match="3 workers failed one after the other"):
        answers_of(monkeypatch, cluster)
    assert (cluster.hired, len(cluster.killed)) == (6, 6)


def test_what_a_worker_refuses_is_no_fault_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is the request's, and is not asked again."""
    cluster = InThisProcess(failing(400))
    judged = answers_of(monkeypatch, cluster)
    assert [one.answer.error for one in judged] == ["status 400"] * 20
    assert (cluster.hired, cluster.killed) == (1, [])


def test_a_worker_that_does_not_start_is_waited_for_once_a_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And not by each hand in turn."""
    cluster = InThisProcess(None)
    with pytest.raises(BackendError, match="no worker after 0 s"):
        answers_of(monkeypatch, cluster, start_s=0.01)
    assert (cluster.hired, len(cluster.killed)) == (2, 2)


def test_a_round_that_ends_as_a_worker_has_started_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hand that waited for it takes no more tasks."""
    from tuner import ray_cluster

    cluster = InThisProcess(CONFIG)
    monkeypatch.setattr(ray_cluster, "ray", cluster)

    async def end() -> None:
        cluster.gate.clear()
        hand = spawn(ray_cluster.Place(order()).ready(), name="hand")
        for _ in range(5):
            await asyncio.sleep(0)
        assert cluster.hired == 1
        cluster.gate.set()
        await asyncio.sleep(0)
        hand.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hand

    asyncio.run(end())
