"""``--metrics-port``: a running search, for whoever has a Prometheus."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from proxy.errors import Problem, SettingsError
from proxy.evaluation.store import EvaluationStore, Run
from tuner.metrics import CATALOGUE, elapsed_s, figures
from tuner.record import Record, asked_by

HOST = "127.0.0.1"
"""Like the proxy, it is there for this machine; a Prometheus elsewhere needs a way here."""

Family = GaugeMetricFamily | CounterMetricFamily


@contextmanager
def exported(store: EvaluationStore, run_id: str, port: int | None) -> Iterator[None]:
    """Answer ``/metrics`` while the block runs.

    Args:
        store: that the run writes to; it is read beside that.
        run_id: of the run.
        port: where; 0 takes a free one, None does nothing.

    Raises:
        SettingsError: somebody else listens there.
    """
    if port is None:
        yield
        return
    (run,) = (run for run in store.runs() if run.id == run_id)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(RunCollector(store, run))
    try:
        server, thread = start_http_server(port, addr=HOST, registry=registry)
    except OSError as error:
        message = f"{port} cannot be listened on ({error.strerror}). Give another, or 0 for any."
        raise SettingsError((Problem("--metrics-port", message),)) from error
    sys.stderr.write(f"Metrics: http://{HOST}:{server.server_port}/metrics\n")
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class RunCollector(Collector):
    """Reads a run whenever it is scraped: nothing of the search has to know of that.

    Args:
        store: that the run writes to.
        run: the one to tell of.
        clock: monotonic seconds.
    """

    def __init__(
        self, store: EvaluationStore, run: Run, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = store.path
        self._run = run
        self._clock = clock
        self._began = clock()
        self._before_s = elapsed_s(Record(run, store.decisions(run.id)))

    def collect(self) -> Iterator[Family]:
        """Every figure, a family a metric."""
        with EvaluationStore(self._path, read_only=True) as store:
            record = Record(self._run, store.decisions(self._run.id))
            started = record.find("run")
            model = "" if started is None else started["model"]["sha256"]
            config = record.config
            written = asked_by(
                config, config.sizes.max_tokens, store.written(model, self._run.started_at)
            )
        worked_s = self._before_s + self._clock() - self._began
        families: dict[str, Family] = {}
        for spec in CATALOGUE:
            kind = CounterMetricFamily if spec.kind == "counter" else GaugeMetricFamily
            families[spec.name] = kind(spec.name, spec.help, labels=("run", *spec.labels))
        for spec, labels, value in figures(record, written, elapsed_s=worked_s):
            families[spec.name].add_metric((self._run.id, *labels), value)
        yield from families.values()
