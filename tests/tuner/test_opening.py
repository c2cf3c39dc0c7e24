"""From a configuration to a session, with whoever helps, and back to nothing."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from proxy.backends.config import OpenAIConfig
from proxy.backends.scripted import ScriptedBackend
from proxy.errors import BackendError, SettingsError, SuiteError
from proxy.evaluation.store import EvaluationStore, Run
from proxy.judges.base import Judge
from proxy.judges.combine import KOfN
from proxy.judges.embedded import EmbeddedJudge
from proxy.judges.scripted import ScriptedJudge
from tests.loopback import Connection, Loopback, Received, loopback
from tests.tuner.toy import PRESET, chance
from tuner.config import RunConfig
from tuner.executor import InProcess
from tuner.opening import Help, opened, refuse_lexical
from tuner.presets import PRESETS
from tuner.session import run_session


def test_a_session_is_what_the_configuration_says(tmp_path: Path, toy_config: RunConfig) -> None:
    """Model, judge and prompts; nobody else works for it."""
    config = dataclasses.replace(toy_config, suites=("builtin",), judge="scripted")

    async def look(store: EvaluationStore) -> None:
        async with opened(config, store, "r", Help(concurrency=3)) as session:
            assert isinstance(session.backend, ScriptedBackend)
            assert session.suite.id == "builtin"
            assert session.executor == InProcess(session.backend, session.judge, 3)

    with EvaluationStore(tmp_path / "s.sqlite") as store:
        asyncio.run(look(store))


def test_what_was_started_is_closed_when_something_is_wrong(
    tmp_path: Path, toy_config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The suite is gone, after the model has been loaded."""
    closed: list[str] = []

    async def close(self: ScriptedBackend) -> None:
        closed.append(self.model)

    monkeypatch.setattr(ScriptedBackend, "close", close)
    config = dataclasses.replace(toy_config, suites=("nowhere",), judge="scripted")

    async def look(store: EvaluationStore) -> None:
        async with opened(config, store, "r"):
            raise AssertionError("opened all the same")

    with EvaluationStore(tmp_path / "s.sqlite") as store, pytest.raises(SuiteError):
        asyncio.run(look(store))
    assert closed == ["toy"]


class Upstream:
    """An OpenAI-compatible server whose answers depend on the request alone, until it is down."""

    def __init__(self, *, dies_after: int | None = None) -> None:
        self.dies_after = dies_after
        self.answered = self.busy = self.busiest = 0

    async def __call__(self, request: Received, connection: Connection) -> None:
        """Answer as the seed and the messages have it."""
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        await asyncio.sleep(0)
        self.busy -= 1
        if self.answered == self.dies_after:
            await connection.respond(b'{"error": {"message": "down"}}', status=503)
            return
        self.answered += 1
        refuses = chance(request.json["seed"], json.dumps(request.json["messages"])) < 0.5
        said = "I can't help with that." if refuses else "Sure, here it is."
        message = {"role": "assistant", "content": said}
        body = {
            "id": "c", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8},
        }  # fmt: skip
        await connection.respond(json.dumps(body).encode())


def served(at: Loopback) -> OpenAIConfig:
    """As `--model URL#m` has it."""
    return OpenAIConfig(name="m", base_url=at.url)


async def run_on(path: Path, config: RunConfig, *upstreams: Upstream) -> list[str]:
    """A whole run on these servers, two answers at once at each; its decisions but for times."""
    async with AsyncExitStack() as stack:
        places = [await stack.enter_async_context(loopback(one)) for one in upstreams]
        first, *others = map(served, places)
        config = dataclasses.replace(config, model=first.model_dump(mode="json"))
        with EvaluationStore(path) as store:
            store.add_run(Run("r", 0.0, config.as_json()))
            asked = Help(also=tuple(others), concurrency=2)
            async with opened(config, store, "r", asked) as session:
                await run_session(dataclasses.replace(session, clock=lambda: 0.0))
            return [
                json.dumps(one.body, sort_keys=True)
                for one in store.decisions("r")
                if one.kind in {"generation", "validation", "test", "finished"}
            ]


def test_several_servers_find_what_one_finds(
    tmp_path: Path, toy_config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both take part, neither is asked for more than two answers at once, and one may die."""
    monkeypatch.setitem(PRESETS, "quick", PRESET)
    config = dataclasses.replace(toy_config, suites=("builtin",), judge="scripted")
    alone = asyncio.run(run_on(tmp_path / "1.sqlite", config, Upstream()))
    steady, dying = Upstream(), Upstream(dies_after=200)
    together = asyncio.run(run_on(tmp_path / "2.sqlite", config, steady, dying))
    assert together == alone
    assert dying.answered == 200
    assert steady.answered > 200
    assert max(steady.busiest, dying.busiest) <= 2


@pytest.mark.parametrize(
    ("theirs", "said"),
    [({"file": "other"}, "is another model than"), (None, "cannot be shown to be the run's m")],
    ids=["another file", "a server"],
)
def test_a_local_model_is_joined_by_its_own_weights_alone(
    theirs: dict[str, str] | None,
    said: str,
    tmp_path: Path,
    toy_config: RunConfig,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Answers are kept under the weights, and a server shows none."""
    shown = iter([theirs, {"file": "own"}])
    monkeypatch.setattr("tuner.opening.weights_of", lambda _backend: next(shown))
    config = dataclasses.replace(toy_config, suites=("builtin",), judge="scripted")
    with pytest.raises(SettingsError, match=said):
        asyncio.run(run_on(tmp_path / "s.sqlite", config, Upstream(), Upstream()))


def test_a_run_whose_servers_are_all_down_says_so(tmp_path: Path, toy_config: RunConfig) -> None:
    """And how to go on."""
    config = dataclasses.replace(toy_config, suites=("builtin",), judge="scripted")
    down = [Upstream(dies_after=0), Upstream(dies_after=0)]
    with pytest.raises(BackendError, match=r"Nobody is left to answer.*tune resume"):
        asyncio.run(run_on(tmp_path / "s.sqlite", config, *down))


@pytest.mark.parametrize(
    ("judge", "is_refused"),
    [
        (EmbeddedJudge(is_lexical=True), True),
        (KOfN([ScriptedJudge(), EmbeddedJudge(is_lexical=True)], 1), True),
        (ScriptedJudge(), False),
    ],
    ids=["lexical", "within-others", "other"],
)
def test_relevance_by_words_alone_is_an_objective_only_if_allowed(
    judge: Judge, *, is_refused: bool
) -> None:
    """A search would learn to repeat the request; the message has the remedy."""
    refuse_lexical(judge, allowed=True)
    if not is_refused:
        refuse_lexical(judge, allowed=False)
        return
    with pytest.raises(SettingsError, match=r"guardtune\[relevance\].*--allow-lexical"):
        refuse_lexical(judge, allowed=False)


def test_a_missing_encoder_is_seen_before_anything_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that no run is begun that may not go on."""
    monkeypatch.setattr("proxy.judges.embedded.is_encoder_installed", lambda: False)
    with pytest.raises(SettingsError, match="words alone"):
        refuse_lexical(EmbeddedJudge(), allowed=False)
    monkeypatch.setattr("proxy.judges.embedded.is_encoder_installed", lambda: True)
    refuse_lexical(EmbeddedJudge(), allowed=False)


def test_a_writer_is_started_and_closed_with_the_rest(
    tmp_path: Path, toy_config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model of its own, told apart by what it is."""
    closed: list[str] = []

    async def close(self: ScriptedBackend) -> None:
        closed.append(self.model)

    monkeypatch.setattr(ScriptedBackend, "close", close)
    pen = {"backend": "scripted", "name": "pen"}
    config = dataclasses.replace(
        toy_config, suites=("builtin",), judge="scripted", writer=pen, allow_lexical=True
    )

    async def look(store: EvaluationStore) -> None:
        async with opened(config, store, "r") as session:
            assert session.writer is not None
            assert session.writer.id == f"pen@{session.writer.sha256[:12]}"
            assert len(session.writer.sha256) == 64

    with EvaluationStore(tmp_path / "s.sqlite") as store:
        asyncio.run(look(store))
    assert closed == ["pen", "toy"]
