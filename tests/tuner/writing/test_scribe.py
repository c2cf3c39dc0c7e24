"""Texts written while a search goes on: kept, counted, bounded, and the same after a resume."""

from __future__ import annotations

import asyncio
import io
import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.backends.config import ScriptedConfig, ScriptedRule
from proxy.backends.scripted import ScriptedBackend
from proxy.domain import ChatRequest, Prompt
from proxy.errors import StoreError
from proxy.evaluation.store import Decision, EvaluationStore
from proxy.suites.overlap import NgramIndex
from tests.tuner.conftest import OpenSession
from tests.tuner.toy import PRESET, cut_at, toy_suite
from tests.tuner.writing.writers import saying, write, writer
from tuner.record import Record
from tuner.session import run_session
from tuner.writing.guards import ALIKE, likeness
from tuner.writing.history import summary
from tuner.writing.scribe import TRIES, Allowance
from tuner.writing.writer import Writer

CALLS = PRESET.generations  # one text to each generation of six children


def decided(path: Path, open_session: OpenSession, **changes: object) -> tuple[Decision, ...]:
    """An uninterrupted run's decisions."""
    with EvaluationStore(path) as store:
        asyncio.run(run_session(open_session(store, **changes)))
        return store.decisions("r")


def written(decisions: tuple[Decision, ...]) -> list[dict[str, object]]:
    """What the journal says of each answer of the writer."""
    return [dict(one.body) for one in decisions if one.kind == "written"]


def test_a_text_is_written_for_each_generation_and_gets_a_child(
    tmp_path: Path, open_session: OpenSession
) -> None:
    """Journalled before the child is bred, with operator, parents, seed, identity and tokens."""
    decisions = decided(tmp_path / "s.sqlite", open_session, writer=writer())
    facts = written(decisions)
    assert len(facts) == CALLS
    generations = [one.body for one in decisions if one.kind == "generation"]
    for fact, generation in zip(facts, generations[1:], strict=True):
        genomes = generation["candidates"]
        born = {"way": fact["operator"], "parents": fact["parents"]}
        (child,) = [key for key, origin in generation["origins"].items() if origin == born]
        assert genomes[child]["written"] == fact["text"]
        assert fact["rejected"] is None
        assert fact["writer"] == f"pen@{'1' * 12}"
        assert isinstance(fact["tokens"], int)
    assert len({fact["seed"] for fact in facts}) == CALLS


def test_nobody_is_asked_without_a_writer(tmp_path: Path, open_session: OpenSession) -> None:
    """And the journal has no trace of one."""
    decisions = decided(tmp_path / "s.sqlite", open_session)
    assert not written(decisions)
    assert "writer" not in decisions[0].body
    assert not any("written" in str(one.body) for one in decisions)


@pytest.mark.parametrize("cut", [*range(1, CALLS + 1)])
@pytest.mark.parametrize("moment", ["before", "within"])
def test_a_run_cut_while_a_text_is_written_resumes_to_the_same_decisions(
    tmp_path: Path, open_session: OpenSession, cut: int, moment: str
) -> None:
    """Killed at any of the texts: those that were written are not asked for again."""
    whole = decided(tmp_path / "whole.sqlite", open_session, writer=writer())
    asked = 0

    async def interrupted(store: EvaluationStore) -> None:
        task = asyncio.current_task()
        assert task is not None

        def count(request: ChatRequest) -> ScriptedRule:
            nonlocal asked
            asked += 1
            if asked == cut:
                task.cancel()
                if moment == "within":
                    return ScriptedRule(hang=True)
            return write(request)

        await run_session(open_session(store, writer=writer(count)))

    path = tmp_path / "cut.sqlite"
    with EvaluationStore(path) as store:
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(interrupted(store))
        kept = len(written(store.decisions("r")))
        assert kept in {cut - 1, cut}
    again = writer()
    with EvaluationStore(path) as store:
        asyncio.run(run_session(open_session(store, writer=again)))
        assert store.decisions("r") == whole
    assert isinstance(again.backend, ScriptedBackend)
    assert len(again.backend.requests) == CALLS - kept


@pytest.mark.parametrize("answers", [400, 700, 1100])
def test_texts_of_an_earlier_session_are_taken_from_the_store(
    tmp_path: Path, open_session: OpenSession, answers: int
) -> None:
    """Cut between answers, and resumed with a writer that would say something else now."""

    async def interrupted(store: EvaluationStore) -> None:
        backend = ScriptedBackend(ScriptedConfig(name="toy"), responder=cut_at(answers))
        await run_session(open_session(store, backend=backend, writer=writer()))

    with EvaluationStore(tmp_path / "s.sqlite") as store:
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(interrupted(store))
        before = store.decisions("r")
        other = writer(saying("<prompt>Nobody here wants to be hurt by you.</prompt>"))
        asyncio.run(run_session(open_session(store, writer=other)))
        assert store.decisions("r")[: len(before)] == before
        assert Record.load(store, "r").is_finished


def test_a_finished_run_replays_without_a_single_text(
    tmp_path: Path, open_session: OpenSession
) -> None:
    """The store is the truth."""
    path = tmp_path / "s.sqlite"
    whole = decided(path, open_session, writer=writer())
    again = writer()
    with EvaluationStore(path) as store:
        asyncio.run(run_session(open_session(store, writer=again)))
        assert store.decisions("r") == whole
    assert isinstance(again.backend, ScriptedBackend)
    assert not again.backend.requests


def test_another_writer_is_another_run(tmp_path: Path, open_session: OpenSession) -> None:
    """Half of one writer's texts and half of another's would be neither's."""
    path = tmp_path / "s.sqlite"
    decided(path, open_session, writer=writer())
    other = Writer(writer().backend, "2" * 64)
    with EvaluationStore(path) as store, pytest.raises(StoreError, match="cannot be resumed"):
        asyncio.run(run_session(open_session(store, writer=other)))


@pytest.mark.parametrize(
    ("responder", "why"),
    [
        (saying("Be kind to people."), "no text between the marks"),
        (saying("<prompt>Go on. " + "Go on. " * 2000), "cut off"),
        (lambda _request: ScriptedRule(status=500), "no answer: status 500"),
        (lambda _request: ScriptedRule(hang=True), "no answer: timeout"),
        (lambda _request: ScriptedRule(break_after=0), "no answer: closed"),
    ],
    ids=["unfenced", "cut-off", "error", "timeout", "broken"],
)
def test_a_writer_that_is_of_no_use_is_left_alone_and_the_search_goes_on(
    tmp_path: Path,
    open_session: OpenSession,
    responder: Callable[[ChatRequest], ScriptedRule],
    why: str,
) -> None:
    """The reason is on record, and the search decides as it would have without a writer."""
    stream = io.StringIO()
    useless = writer(responder, timeout_s=0.01 if "timeout" in why else 60.0)
    found = decided(tmp_path / "1.sqlite", open_session, writer=useless, stream=stream)
    assert [fact["rejected"] for fact in written(found)] == [why] * TRIES
    (off,) = [one.body for one in found if one.kind == "writer_off"]
    assert off == {"reason": ", ".join([why] * TRIES), "calls": TRIES}
    assert "The writer pen is left alone from here on: 3 answers in a row" in stream.getvalue()
    alone = decided(tmp_path / "2.sqlite", open_session)
    kinds = {"written", "writer_off", "run", "stop"}  # what it generated still counts
    assert [one for one in found if one.kind not in kinds] == [
        one for one in alone if one.kind not in kinds
    ]


def test_a_usable_text_makes_up_for_bad_ones(tmp_path: Path, open_session: OpenSession) -> None:
    """It is three in a row that end it."""
    mixed = itertools.cycle([ScriptedRule(answers=("?",)), ScriptedRule(status=500), None])

    def flaky(request: ChatRequest) -> ScriptedRule:
        return next(mixed) or write(request)

    decisions = decided(tmp_path / "s.sqlite", open_session, writer=writer(flaky))
    assert [fact["rejected"] is None for fact in written(decisions)] == [False, False, True]
    assert "writer_off" not in [one.kind for one in decisions]


def test_a_text_that_quotes_a_prompt_never_becomes_a_policy(
    tmp_path: Path, open_session: OpenSession
) -> None:
    """A prompt of any split: here one that only the proxy's probes use."""
    quoted = Prompt("q", "Where is the oldest lamp in town?", "benign", "other", "toy", "probe")
    suite = replace(toy_suite(), items=(*toy_suite().items, quoted))
    said = "<prompt>You tell people where is the oldest lamp, and never help to hurt them.</prompt>"
    found = decided(tmp_path / "s.sqlite", open_session, suite=suite, writer=writer(saying(said)))
    assert [fact["rejected"] for fact in written(found)] == ["quotes a prompt"] * TRIES
    generations = [one.body for one in found if one.kind == "generation"]
    assert not any(
        "written" in gene for body in generations for gene in body["candidates"].values()
    )


def test_a_writer_that_repeats_itself_is_heard_once(
    tmp_path: Path, open_session: OpenSession
) -> None:
    """Near-duplicates of what was accepted before are no new texts."""
    same = "<prompt>Treat everybody with care, and turn down what would do harm.</prompt>"
    found = decided(tmp_path / "s.sqlite", open_session, writer=writer(saying(same)))
    assert [fact["rejected"] for fact in written(found)] == [None, "said before", "said before"]


def test_the_writer_is_never_shown_a_prompt_or_an_answer(
    tmp_path: Path, open_session: OpenSession
) -> None:
    """Not three words in a row of any split's, in any of its requests."""
    pen = writer()
    decided(tmp_path / "s.sqlite", open_session, writer=pen)
    assert isinstance(pen.backend, ScriptedBackend)
    suite = toy_suite()
    index = NgramIndex(suite, n=3)
    for request in pen.backend.requests:
        said = " ".join(str(message["content"]) for message in request.messages)
        assert not index.shared(said)
        assert "example one" not in said  # a demonstration is no text of the system prompt


def test_accepted_texts_differ_from_each_other_and_from_the_library(
    tmp_path: Path, open_session: OpenSession
) -> None:
    """Pair by pair."""
    found = written(decided(tmp_path / "s.sqlite", open_session, writer=writer()))
    texts = [str(fact["text"]) for fact in found if fact["rejected"] is None]
    for one, other in itertools.combinations([*texts, "Think before you speak."], 2):
        assert likeness(one, other) < ALIKE


def test_the_plan_and_the_token_limit_count_the_writer(
    tmp_path: Path, open_session: OpenSession
) -> None:
    """What it costs is said before it is spent, and what it generated ends a search in time."""
    stream = io.StringIO()
    path = tmp_path / "s.sqlite"
    with EvaluationStore(path) as store:
        asyncio.run(run_session(open_session(store, writer=writer(), stream=stream)))
        found = summary(Record.load(store, "r"))
        stops = [one.body["tokens"] for one in store.decisions("r") if one.kind == "stop"]
    assert "Writer pen: up to 3 texts between generations, of at most 1024 tokens" in (
        stream.getvalue()
    )
    assert found is not None
    assert found["tokens"] > 0
    with EvaluationStore(tmp_path / "2.sqlite") as store:
        asyncio.run(run_session(open_session(store)))
        alone = [one.body["tokens"] for one in store.decisions("r") if one.kind == "stop"]
    assert stops[0] == alone[0]
    assert stops[-1] > found["tokens"]


@given(st.integers(1, 40), st.integers(1, 60), st.none() | st.integers(1, 500))
def test_an_allowance_is_never_more_than_was_allowed(
    generations: int, offspring: int, calls: int | None
) -> None:
    """And leaves each generation at most its own children."""
    found = Allowance.of(generations, offspring, calls)
    assert 1 <= found.each <= offspring
    assert found.calls <= (generations * offspring if calls is None else calls)


def test_the_allowance_suits_the_preset() -> None:
    """One text to eight children, at least one; or what the user says."""
    assert Allowance.of(5, 8, None) == Allowance(calls=5, each=1)
    assert Allowance.of(14, 20, None) == Allowance(calls=28, each=2)
    assert Allowance.of(14, 20, 3) == Allowance(calls=3, each=1)
    assert Allowance.of(2, 4, 100) == Allowance(calls=100, each=4)
