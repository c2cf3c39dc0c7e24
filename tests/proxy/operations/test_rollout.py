"""Canaries measured, promoted and rolled back, on the scripted backend."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from proxy.domain import Exchange, Prompt, Verdict
from proxy.metrics import Metrics
from proxy.operations.canary import Canary, canaries_on
from proxy.operations.judging import Judges
from proxy.operations.policy_watch import live_policies
from proxy.operations.probe_history import ProbeHistory
from proxy.operations.probe_plan import ProbePlan
from proxy.operations.probes import Probes
from proxy.operations.rollout import Rollout
from proxy.operations.rollout_evidence import first_round
from proxy.operations.rollout_journal import RolloutJournal, Unless
from proxy.operations.rollout_plan import Auto, RolloutPlan
from proxy.operations.target import Target
from proxy.policy import journal
from proxy.policy.journal import Journal
from proxy.policy.rollout import Entry, Step
from proxy.policy.schema import PASSTHROUGH, Policy
from proxy.policy.store import PolicyStore
from tests.edge import StubJudge, scripted, write_policy
from tests.proxy.policy.rollout_steps import step

CANARY = "rollout: {share: 0.1}\nmatch: {priority: 5}\n"
EVIL, STRICT = "decoding: {temperature: 0.9}\n", "decoding: {temperature: 0.1}\n"
PATIENCE_S = 30.0

POOL = tuple(
    Prompt(f"{kind}-{i}", f"{kind} {i}", kind, "advice", "test", "probe")
    for kind in ("harmful", "benign")
    for i in range(60)
)


class _Server:
    """Policies of a folder, probed; harm and refusals are as the policies' temperature says.

    The scripted backend answers with what it was asked for, so that the judge can tell.
    """

    def __init__(
        self,
        folder: Path,
        *,
        auto: Auto = "always",
        max_rounds: int = 30,
        judge_id: str = "stub-1",
    ) -> None:
        self.judge_id = judge_id
        self.metrics = Metrics()
        self.store = PolicyStore(folder)
        self.store.reload()
        self.backend = scripted()
        self.harmful: dict[str, Callable[[str], bool]] = {}
        self.refuses: dict[str, Callable[[str], bool]] = {}
        self.probes = Probes(
            ProbePlan(POOL, 40, max_tokens=8),
            self._targets,
            Judges(StubJudge(self._judge)),
            self.metrics,
            may_finish=lambda target: True,
            history=ProbeHistory(limit=100),
            first_round=lambda: first_round(self.store.journal.known.entries),
        )
        self.pauses: list[float] = []
        self.models = {"fake": True}
        """Served, and whether they are probed."""
        self.is_up = True
        self.rollout = Rollout(
            RolloutPlan(auto, interval_s=7.0, max_rounds=max_rounds),
            self.store,
            self.probes,
            self.metrics,
            canaries=self.canaries,
            sleep=self._sleep,
        )
        self.store.subscribe(lambda old, new: self.probes.refresh())

    def canaries(self) -> list[Canary]:
        """Those of all models; the backend answers for the first."""
        return canaries_on(self.store.snapshot, self.models, key_ids=())

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The journal."""
        return self.store.journal.read().entries

    def policy(self, name: str) -> Policy:
        """A policy in force."""
        found = self.store.snapshot.find(name)
        assert found is not None
        return found

    def share(self, name: str) -> float:
        """Its share after what was written was taken over."""
        return self.store.reload().share(self.policy(name))

    def steps(self, kind: str, *, model: str = "fake") -> float | None:
        """How often such a step was counted."""
        labels = {"model": model, "policy": "canary", "step": kind}
        return self.metrics.registry.get_sample_value("guardtune_rollout_steps_total", labels)

    async def round(self) -> None:
        """Let both versions answer one more round."""
        self.probes.refresh()
        await self.probes.idle.wait()
        await self.rollout.settled()

    async def another_round(self) -> None:
        """And one more."""
        self.probes.next_round()
        await self.round()

    def _targets(self) -> list[Target]:
        live = live_policies(self.store.snapshot, model="fake", key_ids=())
        return [Target(self.backend, policy) for policy in live]

    def _judge(self, exchange: Exchange) -> Verdict:
        if not self.is_up:
            return Verdict(self.judge_id, "unscored", reason="no answer: connect")
        policy = self.probes.running[1].name if self.probes.running else ""
        is_harmful = self.harmful.get(policy, _never)(exchange.prompt)
        is_refusal = self.refuses.get(policy, _never)(exchange.prompt)
        return Verdict(self.judge_id, "scored", harmful=is_harmful, is_refusal=is_refusal)

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)


async def _until(condition: Callable[[], bool]) -> None:
    """Let everything run on until the condition holds."""
    for _ in range(100_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to that")


def _never(_prompt: str) -> bool:
    return False


def _always(_prompt: str) -> bool:
    return True


def _server(folder: Path, *, auto: Auto = "always", max_rounds: int = 30) -> _Server:
    write_policy(folder, "base", STRICT)
    write_policy(folder, "canary", CANARY + EVIL)
    return _Server(folder, auto=auto, max_rounds=max_rounds)


def _run(server: _Server, work: Callable[[_Server], Awaitable[None]]) -> None:
    async def run() -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                await work(server)
        finally:
            await server.rollout.close()
            await server.probes.close()

    asyncio.run(run())


def test_worse_canary_is_rolled_back_after_one_round(tmp_path: Path) -> None:
    """The stable version gets every request again, and the file is as its author left it."""
    server = _server(tmp_path)
    text = (tmp_path / "canary.yaml").read_bytes()
    server.harmful["canary"] = _always
    _run(server, _Server.round)
    (entry,) = server.entries
    assert (entry.step, entry.who, entry.ref) == ("rollback", "auto", server.policy("canary").ref)
    assert (entry.old, entry.model, entry.rounds) == (str(server.policy("base").ref), "fake", 1)
    assert "harmful +100.0 points" in entry.why
    assert "n = 40" in entry.why
    assert server.share("canary") == 0.0
    assert server.steps("rollback") == 1
    assert (tmp_path / "canary.yaml").read_bytes() == text


def test_canary_that_refuses_too_much_is_rolled_back(tmp_path: Path) -> None:
    """Over-refusal is the price that is limited to five points."""
    server = _server(tmp_path)
    server.harmful["base"] = _always
    server.refuses["canary"] = _always
    _run(server, _Server.round)
    assert [entry.step for entry in server.entries] == ["rollback"]


def test_better_canary_is_promoted_once_that_is_sure(tmp_path: Path) -> None:
    """It takes rounds to be sure that refusals rose by less than five points."""
    server = _server(tmp_path)
    server.harmful["base"] = _always

    async def until_decided(server: _Server) -> None:
        server.probes.refresh()
        server.rollout.start()
        await _until(lambda: server.share("canary") == 1.0)

    _run(server, until_decided)
    steps = [entry.step for entry in server.entries]
    assert steps == ["hold"] * (len(steps) - 1) + ["promote"]
    assert 1 < len(steps) < 6
    assert [entry.rounds for entry in server.entries] == list(range(1, len(steps) + 1))
    assert [entry.round for entry in server.entries] == list(range(len(steps)))
    assert set(server.pauses) == {7.0}
    assert server.canaries() == []
    assert server.steps("hold") == len(steps) - 1
    assert server.steps("promote") == 1


def test_bounds_are_shown_as_metrics(tmp_path: Path) -> None:
    """For a dashboard, beside the number of pairs."""
    server = _server(tmp_path)
    server.harmful["base"] = _always
    _run(server, _Server.round)
    canary = server.policy("canary")
    labels = {"model": "fake", "policy": "canary", "sha": canary.sha, "kind": "harmful"}
    (entry,) = server.entries
    assert entry.figures is not None
    values = [
        server.metrics.registry.get_sample_value(f"guardtune_rollout_{name}", labels)
        for name in ("lower95", "upper95", "n")
    ]
    assert values == [entry.figures["harmful"].lower, entry.figures["harmful"].upper, 40]


@pytest.mark.parametrize(
    ("auto", "worse", "said"),
    [
        ("never", "canary", "guardtune policy rollback canary"),
        ("rollback", "base", "guardtune policy promote canary"),
    ],
)
def test_step_that_is_not_allowed_is_recommended_and_measuring_ends(
    tmp_path: Path, auto: Auto, worse: str, said: str
) -> None:
    """A person decides; asking on and on would only cost."""
    server = _server(tmp_path, auto=auto)
    server.harmful[worse] = _always

    async def until_clear(server: _Server) -> None:
        server.probes.refresh()
        server.rollout.start()
        await _until(lambda: bool(server.entries) and said in server.entries[-1].why)
        rounds, pauses = len(server.entries), len(server.pauses)
        await _until(lambda: len(server.pauses) > pauses + 5)
        assert len(server.entries) == rounds

    _run(server, until_clear)
    assert {entry.step for entry in server.entries} == {"hold"}
    assert server.share("canary") == 0.1


def test_hurry_ends_after_its_rounds_and_scheduled_rounds_still_count(tmp_path: Path) -> None:
    """An undecided canary does not cost for ever."""
    server = _server(tmp_path, max_rounds=2)
    server.harmful["base"] = lambda prompt: "1" in prompt
    server.harmful["canary"] = lambda prompt: "2" in prompt

    async def wait_and_go_on(server: _Server) -> None:
        server.probes.refresh()
        server.rollout.start()
        await _until(lambda: len(server.pauses) > 10)
        assert len(server.entries) == 2
        server.probes.next_round()
        await server.probes.idle.wait()

    _run(server, wait_and_go_on)
    assert [entry.rounds for entry in server.entries] == [1, 2, 3]
    assert "only scheduled rounds" in server.entries[-1].why


def test_measuring_goes_on_after_a_restart_with_new_prompts_and_seeds(tmp_path: Path) -> None:
    """What was measured is not measured again, and not forgotten."""
    first = _server(tmp_path)
    first.harmful["base"] = _always
    _run(first, _Server.round)
    second = _Server(tmp_path)
    second.harmful["base"] = _always
    _run(second, _Server.round)
    one, two = second.entries
    assert (one.round, two.round) == (0, 1)
    assert (one.rounds, two.rounds) == (1, 2)
    assert one.figures is not None
    assert two.figures is not None
    assert (one.figures["harmful"].n, two.figures["harmful"].n) == (40, 80)


def test_another_judge_begins_anew(tmp_path: Path) -> None:
    """What two judges call harmful does not add up."""
    first = _server(tmp_path)
    _run(first, _Server.round)
    second = _Server(tmp_path, judge_id="stub-2")
    _run(second, _Server.round)
    one, two = second.entries
    assert (one.judge, two.judge) == ("stub-1", "stub-2")
    assert (one.rounds, two.rounds) == (1, 1)


def test_canary_that_comes_later_answers_what_the_stable_version_has_answered(
    tmp_path: Path,
) -> None:
    """The first look needs one round of the canary's, and none of the other's."""
    write_policy(tmp_path, "base", STRICT)
    server = _Server(tmp_path)

    async def drop_in_later(server: _Server) -> None:
        server.probes.refresh()
        await server.probes.idle.wait()
        write_policy(tmp_path, "canary", CANARY + EVIL)
        server.store.reload()
        await server.probes.idle.wait()

    _run(server, drop_in_later)
    assert [(entry.round, entry.rounds) for entry in server.entries] == [(0, 1)]
    assert len(server.backend.requests) == 160


def test_decision_holds_after_a_restart(tmp_path: Path) -> None:
    """The state is on the disk, not in the process."""
    server = _server(tmp_path)
    server.harmful["canary"] = _always
    _run(server, _Server.round)
    again = _Server(tmp_path)
    assert again.share("canary") == 0.0
    assert again.canaries() == []


def test_edited_canary_begins_anew(tmp_path: Path) -> None:
    """Another version: nothing that was found about the old one counts."""
    server = _server(tmp_path)
    server.harmful["canary"] = _always
    _run(server, _Server.round)
    write_policy(tmp_path, "canary", CANARY + "decoding: {temperature: 0.8}\n")
    again = _Server(tmp_path)
    assert again.share("canary") == 0.1
    (canary,) = again.canaries()
    assert dict(again.rollout.looks) == {canary: None}


def test_retry_measures_anew(tmp_path: Path) -> None:
    """Withdrawn by a person: the old rounds count no more."""
    server = _server(tmp_path)
    server.harmful["canary"] = _always

    async def twice(server: _Server) -> None:
        await server.round()
        server.store.reload()
        Journal(server.store.journal.path).append(
            step("retry", server.policy("canary"), who="cli:ada")
        )
        server.harmful.clear()
        server.store.reload()
        await server.probes.idle.wait()
        assert len(server.entries) == 2
        server.probes.next_round()
        await server.probes.idle.wait()

    _run(server, twice)
    assert [entry.step for entry in server.entries] == ["rollback", "retry", "hold"]
    assert (server.entries[-1].rounds, server.entries[-1].round) == (1, 1)
    assert server.share("canary") == 0.1


def test_what_a_person_has_just_decided_is_left_alone(tmp_path: Path) -> None:
    """The round under way ends before the server has taken the decision over."""
    server = _server(tmp_path)
    server.harmful["base"] = _always

    async def decide_meanwhile(server: _Server) -> None:
        Journal(server.store.journal.path).append(step("rollback", server.policy("canary")))
        await server.round()

    _run(server, decide_meanwhile)
    assert [entry.step for entry in server.entries] == ["rollback"]
    assert server.share("canary") == 0.0


def test_steps_of_people_are_counted(tmp_path: Path) -> None:
    """Under no model: they are about all."""
    server = _server(tmp_path)

    async def decide(server: _Server) -> None:
        steps: tuple[Step, ...] = ("promote", "rollback", "retry")
        for kind in steps:
            server.store.journal.append(step(kind, server.policy("canary")))
            server.store.reload()

    _run(server, decide)
    for kind in ("promote", "rollback", "retry"):
        assert server.steps(kind, model="all") == 1


def test_decision_that_cannot_be_written_is_not_taken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What holds goes on holding; it is logged, counted and shown, and tried again next round."""
    server = _server(tmp_path)
    server.harmful["canary"] = _always
    server.store.journal.path.mkdir()

    async def twice(server: _Server) -> None:
        with caplog.at_level(logging.ERROR):
            await server.round()
        assert server.share("canary") == 0.1
        assert server.steps("failed") == 1
        assert server.rollout.problem is not None
        assert "nothing was decided" in server.rollout.problem
        server.store.journal.path.rmdir()
        await server.another_round()

    _run(server, twice)
    assert "event=rollout_failed" in caplog.text
    assert server.share("canary") == 0.0
    assert server.rollout.problem is None


def test_disk_that_hangs_costs_the_decision_and_not_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dead mount: everything goes on, it is shown and counted, and decided once it answers."""
    server = _server(tmp_path)
    server.harmful["canary"] = _always
    disk = threading.Event()
    append = Journal.append

    def hang(self: Journal, entry: Entry, *, unless: Unless | None = None) -> bool:
        disk.wait(PATIENCE_S)
        return append(self, entry, unless=unless)

    monkeypatch.setattr(Journal, "append", hang)
    server.rollout._journal = RolloutJournal(server.store.journal, within_s=0.5)

    async def through_it(server: _Server) -> None:
        await server.round()
        assert server.rollout.problem is not None
        assert "has not answered" in server.rollout.problem
        assert server.share("canary") == 0.1
        await server.another_round()
        assert server.steps("failed") == 2
        disk.set()
        await _until(lambda: server.share("canary") == 0.0)
        assert server.steps("rollback") == 1
        assert server.rollout.problem is None

    _run(server, through_it)
    assert [entry.step for entry in server.entries] == ["rollback"]


def test_decision_that_a_reader_saw_before_the_disk_confirmed_it_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the disk takes longer than we wait it holds all the same, and nothing has failed."""
    server = _server(tmp_path)
    server.harmful["canary"] = _always
    disk = threading.Event()
    append = Journal.append

    def confirm_late(self: Journal, entry: Entry, *, unless: Unless | None = None) -> bool:
        is_written = append(self, entry, unless=unless)
        self.read()
        disk.wait(PATIENCE_S)
        return is_written

    monkeypatch.setattr(Journal, "append", confirm_late)
    server.rollout._journal = RolloutJournal(server.store.journal, within_s=0.5)

    async def decide(server: _Server) -> None:
        await server.round()
        assert server.share("canary") == 0.0
        disk.set()

    _run(server, decide)
    assert server.steps("rollback") == 1
    assert server.steps("failed") is None
    assert server.rollout.problem is None


def test_problem_is_over_once_somebody_else_has_decided(tmp_path: Path) -> None:
    """That nothing was decided about the version is not true any more."""
    server = _server(tmp_path)
    server.harmful["canary"] = _always
    server.store.journal.path.mkdir()

    async def decide(server: _Server) -> None:
        await server.round()
        assert server.rollout.problem is not None
        server.store.journal.path.rmdir()
        server.store.journal.append(step("rollback", server.policy("canary")))
        server.store.reload()

    _run(server, decide)
    assert server.rollout.problem is None


@pytest.mark.parametrize("kind", ["promote", "retry"])
def test_step_of_a_person_is_not_overridden_by_an_older_conclusion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Step
) -> None:
    """It comes while the server's own waits for a dead mount, which has given that up by then."""
    server = _server(tmp_path)
    server.harmful["canary"] = _always
    disk, has_ended = threading.Event(), threading.Event()
    append = Journal.append

    def hang(self: Journal, entry: Entry, *, unless: Unless | None = None) -> bool:
        disk.wait(PATIENCE_S)
        try:
            return append(self, entry, unless=unless)
        finally:
            has_ended.set()

    server.rollout._journal = RolloutJournal(server.store.journal, within_s=0.5)

    async def decide_meanwhile(server: _Server) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(Journal, "append", hang)
            await server.round()
        assert server.rollout.problem is not None
        server.store.journal.append(step(kind, server.policy("canary"), who="cli:ada"))
        disk.set()
        assert await asyncio.to_thread(has_ended.wait, PATIENCE_S)

    _run(server, decide_meanwhile)
    assert [(entry.step, entry.who) for entry in server.entries] == [(kind, "cli:ada")]
    assert server.share("canary") == (1.0 if kind == "promote" else 0.1)
    assert server.steps("rollback") is None


def test_server_goes_on_from_the_rounds_of_another(tmp_path: Path) -> None:
    """Its own count is behind: rounds that were counted say nothing new."""
    ahead, behind = _server(tmp_path, auto="never"), _Server(tmp_path, auto="never")

    async def lead(server: _Server) -> None:
        await server.round()
        for _ in range(4):
            await server.another_round()

    async def take_over(server: _Server) -> None:
        await server.round()
        server.store.reload()
        await server.another_round()

    _run(ahead, lead)
    _run(behind, take_over)
    assert [(entry.round, entry.rounds) for entry in behind.entries[-2:]] == [(4, 5), (5, 6)]


def test_servers_with_different_judges_each_go_on_from_their_own_looks(tmp_path: Path) -> None:
    """One of them lacks the sentence encoder, say; neither begins anew because of the other."""
    one, other = _server(tmp_path, auto="never"), _Server(tmp_path, judge_id="stub-2", auto="never")

    async def in_turn(server: _Server) -> None:
        try:
            for _ in range(3):
                for each in (server, other):
                    each.store.reload()
                    await each.another_round()
        finally:
            await other.rollout.close()
            await other.probes.close()

    _run(one, in_turn)
    looks = [(entry.judge, entry.rounds) for entry in one.entries]
    assert looks == [(judge, at) for at in (1, 2, 3) for judge in ("stub-1", "stub-2")]
    ((_, look),) = one.rollout.looks
    assert look is not None
    assert (look.judge, look.rounds) == ("stub-1", 3)


def test_outage_delays_a_promotion_by_its_own_length(tmp_path: Path) -> None:
    """Nobody answered: nothing is known, and nothing is held against the canary."""
    calm, shaken = _server(tmp_path / "calm"), _server(tmp_path / "shaken")

    async def until_promoted(server: _Server) -> None:
        await server.round()
        server.is_up = True
        while server.share("canary") != 1.0:
            await server.another_round()

    for server in (calm, shaken):
        server.harmful["base"] = _always
    shaken.is_up = False
    _run(calm, until_promoted)
    _run(shaken, until_promoted)
    assert [entry.step for entry in shaken.entries] == [entry.step for entry in calm.entries]
    assert [entry.round for entry in shaken.entries] == [
        1 + (entry.round or 0) for entry in calm.entries
    ]


def test_rounds_that_nobody_answers_are_asked_for_again_and_not_for_ever(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An outage is over at some time; a broken upstream costs its rounds and no more."""
    server = _server(tmp_path, max_rounds=5)
    server.is_up = False

    async def wait(server: _Server) -> None:
        server.probes.refresh()
        server.rollout.start()
        await _until(lambda: len(server.pauses) > 20)

    _run(server, wait)
    assert server.entries == ()
    assert caplog.text.count("event=rollout_round_empty") == 1 + 5


def test_canary_is_promoted_only_when_every_model_has_spoken(tmp_path: Path) -> None:
    """One whose engine is away for a restart has not; one that is served no more need not."""
    server = _server(tmp_path)
    server.harmful["base"] = _always
    server.models["away"] = True

    async def hold(server: _Server) -> None:
        await server.round()
        for _ in range(6):
            await server.another_round()
        assert {entry.step for entry in server.entries} == {"hold"}
        assert "not yet clear of every comparison" in server.entries[-1].why
        del server.models["away"]
        await server.another_round()

    _run(server, hold)
    assert server.entries[-1].step == "promote"


def test_canary_on_a_model_that_nobody_measures_is_promoted_by_a_person(tmp_path: Path) -> None:
    """Its users would get it unseen; a worse one is taken back there, too."""
    server = _server(tmp_path)
    server.harmful["base"] = _always
    server.models["remote"] = False

    async def hold(server: _Server) -> None:
        await server.round()
        for _ in range(6):
            await server.another_round()

    _run(server, hold)
    assert {entry.step for entry in server.entries} == {"hold"}
    assert "not measured on remote" in server.entries[-1].why


def test_undecided_canary_does_not_fill_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Look after look: the journal keeps the last of them, and goes on from there."""
    monkeypatch.setattr(journal, "COMPACT_AT", 3)
    server = _server(tmp_path, auto="never", max_rounds=1)

    async def look_often(server: _Server) -> None:
        await server.round()
        for _ in range(10):
            await server.another_round()

    _run(server, look_often)
    assert len(server.entries) <= 3
    assert server.entries[-1].rounds == 11


def test_canary_without_a_stable_policy_is_measured_beside_passing_through(
    tmp_path: Path,
) -> None:
    """The bare model is what its users would get otherwise."""
    write_policy(tmp_path, "canary", CANARY)
    (canary,) = _Server(tmp_path).canaries()
    assert canary.old == PASSTHROUGH.ref


def test_looks_show_each_canary_and_what_was_found(tmp_path: Path) -> None:
    """None before the first round ended."""
    server = _server(tmp_path)
    (canary,) = server.canaries()
    assert dict(server.rollout.looks) == {canary: None}
    _run(server, _Server.round)
    assert dict(server.rollout.looks) == {canary: server.entries[-1]}
