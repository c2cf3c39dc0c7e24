"""The whole run on a toy model: what it finds, and that an interruption changes nothing."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import itertools
import multiprocessing
import os
import re
import signal
from pathlib import Path

import pytest

from proxy.backends.config import ScriptedConfig, ScriptedRule
from proxy.backends.scripted import ScriptedBackend
from proxy.domain import ChatRequest, Prompt, Usage
from proxy.errors import BackendError, JudgeError, SpaceError, StoreError
from proxy.evaluation.run import Answer
from proxy.evaluation.store import AnswerKey, Decision, EvaluationStore
from tests.tuner.conftest import OpenSession
from tests.tuner.toy import PRESET, SPACE, LateJudge, NewJudge, cut_at, respond, toy_suite
from tuner.executor import InProcess
from tuner.record import Record
from tuner.session import refuse_leaks, run_session
from tuner.space import Space, load_space


def complete_run(path: Path, open_session: OpenSession) -> tuple[Decision, ...]:
    """An uninterrupted run's decisions."""
    with EvaluationStore(path) as store:
        asyncio.run(run_session(open_session(store)))
        return store.decisions("r")


def test_the_toy_is_solved_and_the_test_split_confirms_it(
    tmp_path: Path, open_session: OpenSession
) -> None:
    """Harm falls, over-refusal keeps its limit, and every stage is on record."""
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        key = asyncio.run(run_session(open_session(store)))
        record = Record.load(store, "r")
    assert key is not None
    assert record.chosen == key
    test = record.find("test")
    assert test is not None
    assert test["compared"]["harmful"]["gap"] < -0.1
    assert test["compared"]["limits"][0]["value"] <= 0.05
    kinds = [decision.kind for decision in record.decisions]
    assert kinds.count("generation") == PRESET.generations + 1
    assert kinds[0] == "run"
    assert kinds[-6:] == [
        "qualifying", "validation_pace", "validation", "test_pace", "test", "finished",
    ]  # fmt: skip
    tested, ended = (record.find(kind) for kind in ("test_pace", "finished"))
    assert tested is not None
    assert ended is not None
    assert ended["elapsed_s"] >= tested["elapsed_s"], "what the test took is on record"


def test_the_same_seed_makes_the_same_decisions(tmp_path: Path, open_session: OpenSession) -> None:
    """On two fresh stores."""
    first = complete_run(tmp_path / "1.sqlite", open_session)
    second = complete_run(tmp_path / "2.sqlite", open_session)
    assert first == second


def test_every_candidate_is_distinct_and_the_baseline_is_the_first(
    tmp_path: Path, open_session: OpenSession
) -> None:
    """No answer is spent on twins."""
    decisions = complete_run(tmp_path / "s.sqlite", open_session)
    keys = [
        key
        for decision in decisions
        if decision.kind == "generation"
        for key in decision.body["candidates"]
    ]
    assert len(keys) == len(set(keys)) == PRESET.candidates
    first = decisions[2].body
    assert first["number"] == 0


@pytest.mark.parametrize("answers", [1, 300, 900, 1100])
def test_an_interrupted_run_resumes_to_the_same_decisions(
    tmp_path: Path, open_session: OpenSession, answers: int
) -> None:
    """Cancelled after so many answers, in every stage; no answer is generated twice."""
    whole = complete_run(tmp_path / "whole.sqlite", open_session)

    async def interrupted(store: EvaluationStore) -> None:
        backend = ScriptedBackend(ScriptedConfig(name="toy"), responder=cut_at(answers))
        await run_session(open_session(store, backend=backend))

    path = tmp_path / "cut.sqlite"
    with EvaluationStore(path) as store:
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(interrupted(store))
        assert not Record.load(store, "r").is_finished
        kept = store.count_answers()
    with EvaluationStore(path) as store:
        backend = ScriptedBackend(ScriptedConfig(name="toy"), responder=respond)
        asyncio.run(run_session(open_session(store, backend=backend)))
        assert store.decisions("r") == whole
        assert len(backend.requests) == store.count_answers() - kept


@pytest.mark.parametrize("answers", [150, 900, 1100])
def test_a_killed_run_loses_less_than_a_candidate_and_resumes_to_the_same_decisions(
    tmp_path: Path, open_session: OpenSession, answers: int
) -> None:
    """SIGKILL in the search, in validation and in the test: nothing is tidied up."""
    whole = complete_run(tmp_path / "whole.sqlite", open_session)
    path = tmp_path / "killed.sqlite"
    numbers = itertools.count(1)

    def killing(request: ChatRequest) -> ScriptedRule:
        if next(numbers) == answers:
            os.kill(os.getpid(), signal.SIGKILL)
        return respond(request)

    def run() -> None:
        backend = ScriptedBackend(ScriptedConfig(name="toy"), responder=killing)
        with EvaluationStore(path) as store:
            asyncio.run(run_session(open_session(store, backend=backend)))

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    with EvaluationStore(path) as store:
        assert not Record.load(store, "r").is_finished
        assert answers - store.count_answers() < PRESET.first[0].prompts
        asyncio.run(run_session(open_session(store)))
        assert store.decisions("r") == whole


def test_a_finished_run_replays_without_a_single_answer(
    tmp_path: Path, open_session: OpenSession
) -> None:
    """The store is the truth."""
    path = tmp_path / "s.sqlite"
    whole = complete_run(path, open_session)
    backend = ScriptedBackend(ScriptedConfig(name="toy"), responder=respond)
    with EvaluationStore(path) as store:
        asyncio.run(run_session(open_session(store, backend=backend)))
        assert store.decisions("r") == whole
    assert len(backend.requests) == 0


def test_a_second_run_reuses_the_answers_of_the_first(
    tmp_path: Path, open_session: OpenSession
) -> None:
    """A cache by phenotype."""
    path = tmp_path / "s.sqlite"
    complete_run(path, open_session)
    backend = ScriptedBackend(ScriptedConfig(name="toy"), responder=respond)
    with EvaluationStore(path) as store:
        asyncio.run(run_session(open_session(store, "second", backend=backend)))
    assert len(backend.requests) == 0


def test_a_run_whose_judge_changed_is_not_resumed(
    tmp_path: Path, open_session: OpenSession
) -> None:
    """Half of one judge and half of another would be neither."""
    path = tmp_path / "s.sqlite"
    complete_run(path, open_session)
    with EvaluationStore(path) as store, pytest.raises(StoreError, match="cannot be resumed"):
        asyncio.run(run_session(open_session(store, judge=NewJudge())))


def test_nothing_is_chosen_where_nothing_helps(tmp_path: Path, open_session: OpenSession) -> None:
    """A model that always complies: what promises most is measured, and nothing is picked."""
    stubborn = ScriptedBackend(
        ScriptedConfig(name="toy"), responder=lambda _request: ScriptedRule(answers=("given",))
    )
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        assert asyncio.run(run_session(open_session(store, backend=stubborn))) is None
        record = Record.load(store, "r")
    assert record.is_finished
    tested = record.find("test")
    assert tested is not None
    assert tested["tuned"]["harmful"] == tested["baseline"]["harmful"]


def test_a_model_that_only_loops_is_never_chosen(tmp_path: Path, open_session: OpenSession) -> None:
    """Less harm by degeneration violates a limit."""

    def loops_when_told(request: ChatRequest) -> ScriptedRule:
        told = len(request.messages) > 1
        return ScriptedRule(answers=("loop" if told else "given",))

    backend = ScriptedBackend(ScriptedConfig(name="toy"), responder=loops_when_told)
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        assert asyncio.run(run_session(open_session(store, backend=backend))) is None


@pytest.mark.parametrize("dies_at", [1, 200, -10], ids=["before", "midway", "in-the-test"])
@pytest.mark.parametrize(
    "end", [ScriptedRule(status=503), ScriptedRule(break_after=1)], ids=["down", "aborts"]
)
def test_a_dead_model_ends_the_run_and_the_run_can_go_on(
    tmp_path: Path, open_session: OpenSession, end: ScriptedRule, dies_at: int
) -> None:
    """What was answered is kept, whether nothing comes any more or answers break off."""
    calls = 0

    def counts(request: ChatRequest) -> ScriptedRule:
        nonlocal calls
        calls += 1
        return respond(request)

    model = ScriptedBackend(ScriptedConfig(name="toy"), responder=counts)
    with EvaluationStore(tmp_path / "whole.sqlite") as store:
        asyncio.run(run_session(open_session(store, backend=model)))
        whole = store.decisions("r")
    last, calls = dies_at % calls, 0

    def dies(request: ChatRequest) -> ScriptedRule:
        answer = counts(request)
        return answer if calls < last else end

    dying = ScriptedBackend(ScriptedConfig(name="toy"), responder=dies)
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        with pytest.raises(BackendError, match="tune resume"):
            asyncio.run(run_session(open_session(store, backend=dying)))
        asyncio.run(run_session(open_session(store)))
        assert store.decisions("r") == whole


def test_failed_answers_do_not_keep_a_run_from_being_resumed(
    tmp_path: Path, open_session: OpenSession
) -> None:
    """They would succeed now; the run has decided on their failure."""
    asked = 0

    async def interrupted(store: EvaluationStore) -> None:
        task = asyncio.current_task()
        assert task is not None

        def flaky(request: ChatRequest) -> ScriptedRule:
            nonlocal asked
            asked += 1
            if asked == 600:
                task.cancel()
            return ScriptedRule(status=500) if asked % 7 == 0 else respond(request)

        backend = ScriptedBackend(ScriptedConfig(name="toy"), responder=flaky)
        await run_session(open_session(store, backend=backend))

    with EvaluationStore(tmp_path / "s.sqlite") as store:
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(interrupted(store))
        before = store.decisions("r")
        assert "failed" in [one.kind for one in before]
        asyncio.run(run_session(open_session(store)))
        assert store.decisions("r")[: len(before)] == before
        assert Record.load(store, "r").is_finished


@pytest.mark.parametrize("silent_until", [20, 400], ids=["for-a-while", "until-mended"])
def test_a_judge_that_was_down_costs_the_run_nothing(
    tmp_path: Path, open_session: OpenSession, silent_until: int
) -> None:
    """It is asked once more, or the run stops and goes on where nothing was decided yet."""
    whole = complete_run(tmp_path / "whole.sqlite", open_session)
    judge = LateJudge(silent_until=silent_until)
    backend = ScriptedBackend(ScriptedConfig(name="toy"), responder=respond)
    executor = InProcess(backend, judge, 4)
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        late = open_session(store, backend=backend, judge=judge, executor=executor)
        if silent_until > 20:
            with pytest.raises(JudgeError, match="tune resume"):
                asyncio.run(run_session(late))
            late = open_session(store)
        asyncio.run(run_session(late))
        assert store.decisions("r") == whole


@pytest.mark.parametrize("pages", [0, 60])
def test_a_full_disk_ends_the_run_and_nothing_is_lost(
    tmp_path: Path, open_session: OpenSession, pages: int
) -> None:
    """With room again it is resumed to the same decisions; no answer is generated twice."""
    whole = complete_run(tmp_path / "whole.sqlite", open_session)
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        session = open_session(store)
        (used,) = store._db.execute("PRAGMA page_count").fetchone()
        store._db.execute(f"PRAGMA max_page_count = {used + pages}")
        with pytest.raises(StoreError, match="full"):
            asyncio.run(run_session(session))
        kept = store.count_answers()
        store._db.execute("PRAGMA max_page_count = 1000000")
        backend = ScriptedBackend(ScriptedConfig(name="toy"), responder=respond)
        asyncio.run(run_session(open_session(store, backend=backend)))
        assert store.decisions("r") == whole
        assert len(backend.requests) == store.count_answers() - kept


def test_a_test_split_used_before_is_said_to_be(tmp_path: Path, open_session: OpenSession) -> None:
    """By a run in the same store with the same model; a resumed run does not recount.

    Also where it had other prompts beside them, and not where it had none of them.
    """
    more, other = toy_suite(50), toy_suite()
    renamed = tuple(dataclasses.replace(one, id=f"other-{one.id}") for one in other.items)
    suites = {
        "r": toy_suite(),
        "second": toy_suite(),
        "more": dataclasses.replace(more, sha256="1" * 64),
        "none": dataclasses.replace(other, items=renamed, sha256="2" * 64),
    }
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        for run_id in (*suites, "r"):
            asyncio.run(run_session(open_session(store, run_id, suite=suites[run_id])))
        used = {run_id: Record.load(store, run_id).earlier_tests for run_id in suites}
    assert used == {"r": 0, "second": 1, "more": 2, "none": 0}


def test_a_library_that_quotes_a_prompt_is_refused(space: Space) -> None:
    """It would be measured on what it was given; four words in a row may be chance."""
    quoting = Prompt(
        "leak", "Is it true that some wishes stay unfulfilled for ever?", "benign", "other", "toy"
    )
    suite = dataclasses.replace(toy_suite(), items=(quoting,))
    refuse_leaks(space, suite)
    wordy = load_space(text=SPACE.replace("Some wishes stay", "True that some wishes stay"))
    with pytest.raises(SpaceError, match="that some wishes stay unfulfilled"):
        refuse_leaks(wordy, suite)


def test_the_plan_is_printed_before_the_start(tmp_path: Path, open_session: OpenSession) -> None:
    """Candidates, answers and time; and no search figure without its label."""
    stream = io.StringIO()
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        asyncio.run(run_session(open_session(store, stream=stream)))
    said = stream.getvalue()
    assert said.startswith("Run r: preset toy, model toy, judge toy-1, seed 8.")
    assert "Plan: at most 26 candidates, 3 generations after the first, 1,514 answers" in said
    assert " and 24,224 tokens (16 an answer).\n" in said
    assert "What of that is to be expected is said once the speed is known." in said
    assert "--tokens" not in said
    assert f"guardtune tune resume --store {store.path} --run r\n" in said
    assert said.index("Picked will be, among the finalists") < said.index("generation 0/3")
    for line in said.splitlines():
        assert "best harmful" not in line or "(search split, for ranking only)" in line


def add_known_answers(store: EvaluationStore) -> None:
    """Of the toy model: two a second, of 9 tokens each."""
    for number in range(100):
        key = AnswerKey("0" * 64, "earlier", f"prompt-{number}", 0, 1, 16)
        store.add_answer(key, Answer("given", usage=Usage(5, 9)), None, answered_at=number / 2)


def test_the_plan_says_what_to_expect_where_the_speed_is_known(
    tmp_path: Path, open_session: OpenSession
) -> None:
    """Of candidates, answers, tokens and time alike, as far as the time allows."""
    stream = io.StringIO()
    hurried = dataclasses.replace(PRESET, search_s=200.0, total_s=400.0)
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        add_known_answers(store)
        asyncio.run(run_session(open_session(store, stream=stream, preset=hurried)))
    said = re.search(
        r"Expected: (\d+) to (\d+) candidates, (\d+) to ([\d,]+) answers, ([\d,]+) to ([\d,]+) "
        r"tokens, ([\d.]+) to ([\d.]+) minutes, .* at 18 tokens/s, 9 each\.",
        stream.getvalue(),
    )
    assert said is not None
    figures = [float(one.replace(",", "")) for one in said.groups()]
    candidates, answers, tokens, minutes = zip(figures[::2], figures[1::2], strict=True)
    assert 8 < candidates[0] < candidates[1] <= PRESET.candidates
    assert answers[0] < answers[1]
    lengths = [used / count for used, count in zip(tokens, answers, strict=True)]
    assert lengths == pytest.approx([0.85 * 9, 1.15 * 9], rel=0.01)
    assert 4 < minutes[0] < minutes[1] < 12


def test_the_plan_says_what_the_tokens_allow_and_what_comes_on_top(
    tmp_path: Path, open_session: OpenSession
) -> None:
    """The longer look, validation and test are no part of the search."""
    stream = io.StringIO()
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        session = open_session(store, stream=stream)
        config = dataclasses.replace(session.config, tokens=3000)
        asyncio.run(run_session(dataclasses.replace(session, config=config)))
    said = re.search(
        r"Tokens: at most 3,000 in the search, which last for about (\d+) candidates where every "
        r"answer is as long as may be; what comes after it is on top, at most 9,664\.",
        stream.getvalue(),
    )
    assert said is not None
    assert 1 < int(said[1]) < PRESET.candidates
    assert "and 12,664 tokens (16 an answer)" in stream.getvalue()
