"""The search's own rules; whole runs are tested in test_session.py."""

from __future__ import annotations

import asyncio
import dataclasses
import io
from pathlib import Path

import pytest

from proxy.backends.config import ScriptedConfig, ScriptedRule
from proxy.backends.scripted import ScriptedBackend
from proxy.domain import ChatRequest
from proxy.evaluation.store import EvaluationStore
from tests.tuner.conftest import OpenSession
from tests.tuner.toy import PRESET, cut_at, respond
from tuner.lagrangian import MOST
from tuner.limits import Limits
from tuner.race import BEHIND
from tuner.record import Record
from tuner.search import NO_TIME, NO_TOKENS
from tuner.session import Session, run_session
from tuner.stopping import stop_file


def test_time_used_up_ends_the_search(tmp_path: Path, open_session: OpenSession) -> None:
    """Every look at the clock costs this run a minute."""
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 60.0
        return now

    hurried = dataclasses.replace(PRESET, search_s=100.0, total_s=200.0)
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        asyncio.run(run_session(open_session(store, clock=clock, preset=hurried)))
        ended = Record.load(store, "r").find("search_ended")
    assert ended == {"reason": "110 s of search used"}


@pytest.mark.parametrize("seeds_stay", [False, True])
def test_seeds_may_stay_however_little_time_there_is(
    tmp_path: Path,
    open_session: OpenSession,
    seeds_stay: bool,  # noqa: FBT001 - a parameter
) -> None:
    """A few prompts say little of a cautious one; others wait for time."""
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 0.5
        return now

    hurried = dataclasses.replace(PRESET, search_s=1.0, total_s=2.0, seeds_stay=seeds_stay)
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        session = open_session(store, clock=clock, preset=hurried)
        more = (
            "  - {name: two, demonstrations: [fine-one]}\n  - {name: three, slots: {tone: calm}}\n"
        )
        config = dataclasses.replace(session.config, space=session.config.space + more)
        asyncio.run(run_session(dataclasses.replace(session, config=config)))
        founders = next(
            one for one in Record.load(store, "r").decisions if one.kind == "generation"
        )
    ways = [founders.body["origins"][key]["way"] for key in founders.body["stayed"]]
    assert (ways.count("seed") == 3) is seeds_stay
    assert NO_TIME in founders.body["dropped"].values()


def test_the_best_are_looked_at_again(tmp_path: Path, open_session: OpenSession) -> None:
    """Elites answer more prompts than the race asks for."""
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        asyncio.run(run_session(open_session(store)))
        last = Record.load(store, "r").find("generation")
    assert last is not None
    asked = [survivor["harmful"][1] for survivor in last["survivors"]]
    assert max(asked) > PRESET.second[1].harmful


def test_a_search_that_adds_nothing_to_its_front_ends(
    tmp_path: Path, open_session: OpenSession
) -> None:
    """A model that answers all alike; more answers alone widen the front, and do not count."""
    alike = ScriptedBackend(
        ScriptedConfig(name="toy"), responder=lambda _: ScriptedRule(answers=("given",))
    )
    patient = dataclasses.replace(PRESET, patience=2)
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        asyncio.run(run_session(open_session(store, preset=patient, backend=alike)))
        record = Record.load(store, "r")
    assert record.find("search_ended") == {"reason": "no gain for 2 generations"}


def stopping(path: Path, *, after: int) -> ScriptedBackend:
    """The toy model; somebody makes a stop file when it has answered so much."""
    asked = 0

    def answer(request: ChatRequest) -> ScriptedRule:
        nonlocal asked
        asked += 1
        if asked == after:
            path.touch()
        return respond(request)

    return ScriptedBackend(ScriptedConfig(name="toy"), responder=answer)


def test_a_stop_file_ends_the_search_and_not_the_run(
    tmp_path: Path, open_session: OpenSession
) -> None:
    """Validation and test follow; the file is gone; a replay needs it no more."""
    path = tmp_path / "s.sqlite"
    left = stop_file(path)
    with EvaluationStore(path) as store:
        asyncio.run(run_session(open_session(store, backend=stopping(left, after=300))))
        record = Record.load(store, "r")
    ended = record.find("search_ended")
    assert ended == {"reason": "stop file s.sqlite.stop found"}
    assert 0 < sum(one.kind == "generation" for one in record.decisions) <= PRESET.generations
    assert record.find("test") is not None
    assert record.is_finished
    assert not left.exists()
    with EvaluationStore(path) as store:
        asyncio.run(run_session(open_session(store)))
        assert store.decisions("r") == record.decisions


def test_a_run_killed_while_it_heeds_a_stop_file_goes_on_to_validation(
    tmp_path: Path, open_session: OpenSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The decision is written before the file goes, and holds without it or with it."""
    path = tmp_path / "s.sqlite"
    left = stop_file(path)

    def killed(self: Path, *, missing_ok: bool) -> None:
        raise KeyboardInterrupt

    with EvaluationStore(path) as store:
        session = open_session(store, backend=stopping(left, after=300))
        with monkeypatch.context() as patch:
            patch.setattr(type(left), "unlink", killed)
            with pytest.raises(KeyboardInterrupt):
                asyncio.run(run_session(session))
        assert left.exists()
        asyncio.run(run_session(open_session(store)))
        assert Record.load(store, "r").is_finished
    assert not left.exists()


def capped(session: Session, tokens: int) -> Session:
    """The same run, of which the search may generate so many tokens; an answer has one."""
    config = dataclasses.replace(session.config, tokens=tokens)
    preset = dataclasses.replace(session.preset, max_tokens=1)
    return dataclasses.replace(session, config=config, preset=preset)


@pytest.mark.parametrize("tokens", [42, 55, 56, 150, 177, 222, 301, 377])
def test_nothing_is_asked_that_the_tokens_may_not_allow(
    tmp_path: Path, open_session: OpenSession, tokens: int
) -> None:
    """So the last generations are smaller, down to one candidate beside the base policy."""
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        asyncio.run(run_session(capped(open_session(store), tokens)))
        record = Record.load(store, "r")
    last, ended = (
        [one.body for one in record.decisions if one.kind == kind][-1]
        for kind in ("generation", "stop")
    )
    reason = f"{ended['tokens']} of {tokens} tokens of search used"
    assert record.find("search_ended") == {"reason": reason}
    assert tokens - PRESET.first[0].prompts < ended["tokens"] <= tokens
    short = [key for key, why in last["dropped"].items() if why == NO_TOKENS]
    whole = PRESET.offspring if last["number"] else PRESET.population
    assert short or len(last["candidates"]) < whole


def test_a_capped_run_resumes_to_the_same_decisions(
    tmp_path: Path, open_session: OpenSession
) -> None:
    """What it may ask for follows from what was answered."""
    with EvaluationStore(tmp_path / "whole.sqlite") as store:
        asyncio.run(run_session(capped(open_session(store), 301)))
        whole = store.decisions("r")

    async def interrupted(store: EvaluationStore) -> None:
        backend = ScriptedBackend(ScriptedConfig(name="toy"), responder=cut_at(280))
        await run_session(capped(open_session(store, backend=backend), 301))

    with EvaluationStore(tmp_path / "cut.sqlite") as store:
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(interrupted(store))
        asyncio.run(run_session(capped(open_session(store), 301)))
        assert store.decisions("r") == whole


def budgeted(session: Session) -> Session:
    """The same run under a budget."""
    return dataclasses.replace(
        session, config=dataclasses.replace(session.config, constraints="lagrangian")
    )


def test_a_budget_adapts_after_each_generation_and_the_rule_stays_hard(
    tmp_path: Path, open_session: OpenSession
) -> None:
    """Each generation's multipliers are decisions; what is picked keeps every limit."""
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        asyncio.run(run_session(budgeted(open_session(store))))
        record = Record.load(store, "r")
    kinds = [one.kind for one in record.decisions]
    assert kinds.count("multipliers") == kinds.count("generation") == PRESET.generations + 1
    assert all(0 <= value <= MOST for values in record.multipliers for value in values.values())
    assert len({tuple(values.items()) for values in record.multipliers}) > 1
    reasons = set(record.dropped)
    assert reasons <= {BEHIND, NO_TIME}
    validation = record.find("validation")
    assert validation is not None
    if record.chosen is not None:
        limits = validation["finalists"][record.chosen]["compared"]["limits"]
        assert all(limit["is_met"] for limit in limits)


@pytest.mark.parametrize("answers", [1, 300, 700])
def test_a_budgeted_run_resumes_to_the_same_decisions(
    tmp_path: Path, open_session: OpenSession, answers: int
) -> None:
    """Multipliers included, from whichever moment on."""
    with EvaluationStore(tmp_path / "whole.sqlite") as store:
        asyncio.run(run_session(budgeted(open_session(store))))
        whole = store.decisions("r")

    async def interrupted(store: EvaluationStore) -> None:
        backend = ScriptedBackend(ScriptedConfig(name="toy"), responder=cut_at(answers))
        await run_session(budgeted(open_session(store, backend=backend)))

    with EvaluationStore(tmp_path / "cut.sqlite") as store:
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(interrupted(store))
        asyncio.run(run_session(budgeted(open_session(store))))
        assert store.decisions("r") == whole


def test_a_limit_that_the_baseline_breaks_is_said_before_the_search(
    tmp_path: Path, open_session: OpenSession
) -> None:
    """The toy never answers in less than a token."""
    stream = io.StringIO()
    strict = dataclasses.replace(PRESET, limits=Limits(relevance_loss=0.1, over_refusal=0.001))

    def refuses(_request: ChatRequest) -> ScriptedRule:
        return ScriptedRule(answers=("refused",))

    backend = ScriptedBackend(ScriptedConfig(name="toy"), responder=refuses)
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        session = open_session(store, stream=stream, preset=strict, backend=backend)
        asyncio.run(run_session(session))
    said = stream.getvalue()
    assert "The base policy itself breaks the limit on over-refusal: +100.0 points" in said
    assert said.index("over-refusal=0.001") < said.index("The base policy itself")


def test_a_search_goes_on_to_its_end_where_there_is_nothing_left_to_try(
    tmp_path: Path, open_session: OpenSession
) -> None:
    """Every policy is answered once, whatever the number of generations."""
    tiny = "schema: 1\nslots: {s: [{id: a, text: safe example}, {id: b, text: Stay calm.}]}\n"
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        session = open_session(store)
        config = dataclasses.replace(session.config, space=tiny)
        asyncio.run(run_session(dataclasses.replace(session, config=config)))
        record = Record.load(store, "r")
    bodies = [one.body for one in record.decisions if one.kind == "generation"]
    tried = [key for body in bodies for key in body["candidates"]]
    assert len(tried) == len(set(tried)) == 3
    assert len(bodies) > 1
    assert record.is_finished
    assert record.find("test") is not None
