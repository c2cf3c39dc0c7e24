"""From a run's configuration to a session: the model, the judge and whoever else works for it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from proxy.backends import registry as backends
from proxy.backends.base import Backend
from proxy.backends.config import LlamaCppConfig, ModelConfig
from proxy.backends.identity import model_sha256, weights_of
from proxy.errors import Problem, SettingsError
from proxy.evaluation.model_choice import in_flight, wide
from proxy.evaluation.store import EvaluationStore
from proxy.judges.base import Judge
from proxy.judges.configured import load_judge
from proxy.judges.relevance import LEXICAL
from proxy.suites.loaders import load_suites
from tuner.config import RunConfig
from tuner.crew import Crew
from tuner.executor import Executor, InProcess
from tuner.server import Server
from tuner.session import Session
from tuner.writing.writer import Writer


@dataclass(frozen=True, slots=True)
class Help:
    """Who answers beside this process, and how much at once; no part of what a run decides.

    Args:
        also: further servers of the run's model.
        concurrency: answers in flight at once at each server or worker; None for what suits it.
        workers: of a Ray cluster, which then answer alone; 0 for none.
        address: of that cluster; None for one of this machine.
    """

    also: tuple[ModelConfig, ...] = ()
    concurrency: int | None = None
    workers: int = 0
    address: str | None = None


@dataclass(frozen=True, slots=True)
class _Opened:
    """The run's own model and judge, started."""

    model: ModelConfig
    backend: Backend
    judge: Judge
    sha256: str


@asynccontextmanager
async def opened(
    config: RunConfig, store: EvaluationStore, run_id: str, help_by: Help | None = None
) -> AsyncIterator[Session]:
    """Start everything, and close it in whatever way the run ends.

    Args:
        config: of the run.
        store: open for writing.
        run_id: of the run in the store.
        help_by: who answers beside this process; None for nobody. With a cluster the model is
            loaded here, too: its weights say which run this is, and which workers are fit for it.

    Raises:
        GuardTuneError: a model, a judge, a suite or a worker cannot be used.
    """
    asked = help_by or Help()
    model = wide(config.model_config)
    async with AsyncExitStack() as stack:
        backend = await _started(model, stack)
        judge = load_judge(config.judge)
        stack.push_async_callback(judge.close)
        await judge.start()
        refuse_lexical(judge, allowed=config.allow_lexical)
        own = _Opened(model, backend, judge, await asyncio.to_thread(model_sha256, model, backend))
        yield Session(
            config=config,
            preset=config.sizes,
            run_id=run_id,
            store=store,
            backend=backend,
            judge=judge,
            suite=load_suites(config.suites),
            model_sha256=own.sha256,
            executor=await _executor(own, config, asked, stack),
            writer=await _writer(config.writer_config, stack),
            stream=sys.stderr,
        )


def refuse_lexical(judge: Judge, *, allowed: bool) -> None:
    """Refuse a judge that reads relevance by words alone: a search learns to repeat them.

    Whether an encoder is missing within a combination of judges is known once they have started.

    Raises:
        SettingsError: it does, and that is not allowed.
    """
    if allowed or not (LEXICAL in judge.judge_id or getattr(judge, "is_lexical", False)):
        return
    message = (
        f"{judge.judge_id} judges relevance by shared words alone, which a search learns to please "
        "by repeating the request. Use a judge with a sentence encoder, such as the default one "
        'after `pip install "guardtune[relevance]"`; or give --allow-lexical, and the result '
        "will say so."
    )
    raise SettingsError((Problem("--judge", message),))


async def _executor(
    own: _Opened, config: RunConfig, asked: Help, stack: AsyncExitStack
) -> Executor:
    at_once = asked.concurrency or in_flight(own.model)
    if asked.workers:
        from tuner.ray_cluster import Order, on_cluster

        order = Order(
            model=config.model,
            judge=config.judge,
            identity=(own.sha256, own.judge.judge_id),
            in_flight=at_once,
            cpus=_cpus(own.model),
        )
        cluster = on_cluster(order, workers=asked.workers, address=asked.address)
        return await stack.enter_async_context(cluster)
    if not asked.also:
        return InProcess(own.backend, own.judge, at_once)
    servers = [Server(own.backend, own.judge, at_once)]
    for model in map(wide, asked.also):
        backend = await _started(model, stack)
        await asyncio.to_thread(_refuse_other_weights, model.name, backend, own)
        servers.append(Server(backend, own.judge, asked.concurrency or in_flight(model)))
    return Crew(own.model.name, tuple(servers))


def _refuse_other_weights(name: str, backend: Backend, own: _Opened) -> None:
    """Raises SettingsError unless both have the same weights, or are servers that show none.

    Answers are kept under the run's model; a local one's name is its weights.
    """
    theirs, ours = weights_of(backend), weights_of(own.backend)
    if theirs == ours:
        return
    message = f"{name} is another model than the run's {own.model.name}."
    if None in (theirs, ours):
        message = (
            f"{name} cannot be shown to be the run's {own.model.name}: one of them is a local file "
            "and the other a server. Serve both, and name one server after --model and one here."
        )
    raise SettingsError((Problem("--also", message),))


async def _writer(model: ModelConfig | None, stack: AsyncExitStack) -> Writer | None:
    if model is None:
        return None
    backend = await _started(model, stack)
    return Writer(backend, await asyncio.to_thread(model_sha256, model, backend))


async def _started(model: ModelConfig, stack: AsyncExitStack) -> Backend:
    backend = backends.create(model)
    stack.push_async_callback(backend.close)
    await backend.start()
    return backend


def _cpus(model: ModelConfig) -> int:
    """What one worker takes of a node: the threads that a local model is given, if it is said."""
    return (model.threads or 1) if isinstance(model, LlamaCppConfig) else 1
