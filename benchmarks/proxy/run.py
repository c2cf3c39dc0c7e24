"""Runs the parts of the benchmark: we and one other take turns, so that noise is noise for both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.proxy import contenders, load, nginx, streams
from benchmarks.proxy.processes import ContenderError, Program, Running, running
from benchmarks.proxy.records import OURS, Figures, Record, capacity

CONNECTIONS = 16
STREAMS = 64
LEVELS = (64, 128, 192, 256, 384, 512)
_WARM_UP_S = 1

Measure = Callable[[Running], Figures]


@dataclass(frozen=True, slots=True)
class Plan:
    """How long everything takes.

    Args:
        n_repeats: of each pair.
        seconds: of load, a turn.
        stream_rounds: streams one after the other on each connection.
        levels: how many streams at once are tried.
    """

    n_repeats: int = 3
    seconds: int = 3
    stream_rounds: int = 2
    levels: Sequence[int] = LEVELS


QUICK = Plan(n_repeats=1, seconds=1, stream_rounds=1, levels=(64, 128))


class Bench:
    """One run of the benchmark.

    Args:
        plan: how long everything takes.
        folder: for configurations and logs.
        litellm: the interpreter of its environment; None leaves it out.
        say: told of each turn, in one line.

    Attributes:
        records: what was measured.
        failures: contenders that could not be measured, and why.
    """

    def __init__(
        self, plan: Plan, folder: Path, *, litellm: Path | None, say: Callable[[str], None]
    ) -> None:
        self._plan = plan
        self._folder = folder
        self._litellm = litellm
        self._say = say
        self.records: list[Record] = []
        self.failures: list[str] = []

    def starts(self) -> None:
        """Cold starts, and the memory of a server that has nothing to do."""
        with running(contenders.mock(), log=self._log) as upstream:
            for repeat in range(self._plan.n_repeats):
                with running(self._ours(upstream.port), log=self._log) as ours:
                    figures = {"ready_s": ours.ready_s, "rss_mb": ours.resident_mb()}
                    self._keep(Record("start", repeat, OURS, OURS, figures))

    def plain(self) -> None:
        """Requests a second and CPU a request at 16 connections, latency at one."""
        with ExitStack() as stack:
            program = nginx.static(self._folder) if nginx.is_installed() else contenders.mock()
            direct = stack.enter_context(running(program, log=self._log))
            ours = stack.enter_context(running(self._ours(direct.port), log=self._log))
            peers = list(self._started(stack, self._peers(direct.port)))
            for one in (ours, *peers):
                self._load(one, CONNECTIONS, _WARM_UP_S)
            for repeat in range(self._plan.n_repeats):
                for peer in peers:
                    self._pair("throughput", repeat, ours, peer, self._busy)
                self._pair("alone", repeat, ours, direct, self._alone)
            peak = {"peak_rss_mb": ours.resident_mb(peak=True)}
            self._keep(Record("memory", 0, OURS, OURS, peak))

    def streams(self) -> None:
        """CPU a delta, time to the first one, and how many streams at once never stand still."""
        with ExitStack() as stack:
            direct = stack.enter_context(running(contenders.mock(), log=self._log))
            ours = stack.enter_context(running(self._ours(direct.port), log=self._log))
            raw = stack.enter_context(running(contenders.raw(direct.port), log=self._log))
            for repeat in range(self._plan.n_repeats):
                self._pair("streams", repeat, ours, raw, self._streaming)
                self._pair("first token", repeat, ours, direct, self._few)
            for n_streams in self._plan.levels:
                if not self._holds(n_streams, direct, ours):
                    break

    @property
    def _log(self) -> Path:
        return self._folder / "contenders.log"

    def _ours(self, upstream_port: int) -> Program:
        return contenders.guardtune(self._folder, upstream_port)

    def _peers(self, upstream_port: int) -> Iterator[Program]:
        yield contenders.bare(upstream_port)
        yield contenders.raw(upstream_port)
        if nginx.is_installed():
            yield nginx.reverse_proxy(self._folder, upstream_port)
        if self._litellm is not None:
            yield contenders.litellm(self._litellm, self._folder, upstream_port)

    def _started(self, stack: ExitStack, programs: Iterator[Program]) -> Iterator[Running]:
        """Start those that can be started; the others are left out, and it is said why."""
        for program in programs:
            try:
                yield stack.enter_context(running(program, log=self._log))
            except ContenderError as error:
                self._fail(error)

    def _pair(
        self, part: str, repeat: int, ours: Running, other: Running, measure: Measure
    ) -> None:
        """Measure both, who goes first changing with each repeat."""
        pair = (ours, other) if repeat % 2 else (other, ours)
        try:
            figures = {one.name: measure(one) for one in pair}
        except ContenderError as error:
            self._fail(error)
            return
        for one, another in (pair, pair[::-1]):
            self._keep(Record(part, repeat, one.name, another.name, figures[one.name]))

    def _holds(self, n_streams: int, direct: Running, ours: Running) -> bool:
        """Whether neither stands still at so many streams, twice."""
        part = capacity(n_streams)
        for repeat in range(2):
            self._pair(part, repeat, ours, direct, lambda one: self._stream(one, n_streams, 1))
        turns = [one.figures for one in self.records if one.part == part]
        return bool(turns) and not any(figures["has_stall"] for figures in turns)

    def _busy(self, one: Running) -> Figures:
        return self._load(one, CONNECTIONS, self._plan.seconds)

    def _alone(self, one: Running) -> Figures:
        return self._load(one, 1, self._plan.seconds)

    def _load(self, one: Running, connections: int, seconds: int) -> Figures:
        return asdict(load.load(one, connections=connections, seconds=seconds, folder=self._folder))

    def _streaming(self, one: Running) -> Figures:
        return self._stream(one, STREAMS, self._plan.stream_rounds)

    def _few(self, one: Running) -> Figures:
        return self._stream(one, 4, self._plan.stream_rounds + 1)

    def _stream(self, one: Running, n_streams: int, n_rounds: int) -> Figures:
        came = streams.stream(one, n_streams=n_streams, n_rounds=n_rounds)
        return {**asdict(came), "has_stall": float(came.has_stall)}

    def _keep(self, record: Record) -> None:
        self.records.append(record)
        shown = ", ".join(f"{name} {value:.4g}" for name, value in record.figures.items())
        self._say(f"{record.part} {record.repeat} {record.contender}: {shown}")

    def _fail(self, error: ContenderError) -> None:
        self.failures.append(str(error))
        self._say(str(error))


PARTS: Mapping[str, Callable[[Bench], None]] = {
    "start": Bench.starts,
    "plain": Bench.plain,
    "streams": Bench.streams,
}
