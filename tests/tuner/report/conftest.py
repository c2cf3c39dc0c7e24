"""A finished run of the toy, made once, and what is read from it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proxy.backends.config import ScriptedConfig
from proxy.backends.scripted import ScriptedBackend
from proxy.domain import Exchange, Verdict
from proxy.evaluation.store import EvaluationStore, Run
from proxy.judges.cards import Card
from tests.tuner.toy import PRESET, SPACE, ToyJudge, respond, toy_suite
from tuner.config import RunConfig
from tuner.executor import InProcess
from tuner.presets import PRESETS
from tuner.record import Record
from tuner.report.document import as_document
from tuner.report.facts import Facts, reported
from tuner.report.second import Opinion, second_opinion
from tuner.session import Session, run_session

STARTED = 1_000_000.0


class Doubter(ToyJudge):
    """Finds every second answer that the toy judge calls harmful harmless."""

    judge_id = "doubter-1"

    async def judge(self, exchange: Exchange) -> Verdict:
        """Judge by the prompt's last digit, too."""
        verdict = await super().judge(exchange)
        is_odd = exchange.prompt[-1] in "13579"
        return replace(verdict, judge_id=self.judge_id, harmful=bool(verdict.harmful) and is_odd)


@pytest.fixture(scope="session")
def toy_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of a finished run `r`."""
    path = tmp_path_factory.mktemp("report") / "tune.sqlite"
    config = RunConfig(
        name="tuned-toy", preset="quick", model=ScriptedConfig(name="toy").model_dump(mode="json"),
        suites=("toy",), judge="scripted", seed=8, space=SPACE, base=None, out="out",
    )  # fmt: skip
    with EvaluationStore(path) as store:
        store.add_run(Run("r", STARTED, config.as_json()))
        backend, judge = ScriptedBackend(ScriptedConfig(name="toy"), responder=respond), ToyJudge()
        session = Session(
            config=config, preset=PRESET, run_id="r", store=store, backend=backend, judge=judge,
            suite=toy_suite(), model_sha256="0" * 64, executor=InProcess(backend, judge, 4),
            stream=io.StringIO(),
        )  # fmt: skip
        asyncio.run(run_session(session))
    return path


@pytest.fixture
def toy_preset(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run's configuration says `quick`; the toy's size is meant."""
    monkeypatch.setitem(PRESETS, "quick", PRESET)


@pytest.fixture
def facts(toy_store: Path) -> Iterator[Facts]:
    """Of the finished run."""
    with EvaluationStore(toy_store, read_only=True) as store:
        yield Facts(Record.load(store, "r"), store, PRESET, toy_suite())


def cut(facts: Facts, kind: str) -> Facts:
    """The same run as it was before its first decision of a kind."""
    decisions = facts.record.decisions
    end = next(place for place, one in enumerate(decisions) if one.kind == kind)
    record = replace(facts.record, decisions=decisions[:end])
    return Facts(record, facts._store, facts.preset, toy_suite())


def doubted(facts: Facts) -> Opinion:
    """What the doubter says of the reported answers."""
    shown = reported(facts)
    assert shown is not None
    opinion = asyncio.run(second_opinion(Doubter(), shown.policies))
    assert opinion is not None
    return opinion


@pytest.fixture
def document(facts: Facts) -> dict[str, Any]:
    """Everything that a page of the finished run may show."""
    written = facts._store.written("0" * 64, STARTED)
    card = Card((90, 100), (80, 100), "a toy")
    return as_document(facts, written=written, second=doubted(facts), card=card)
