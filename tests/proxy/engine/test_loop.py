from __future__ import annotations

from queue import SimpleQueue

import pytest

from proxy.domain import Priority
from proxy.engine.gbnf import GrammarError
from proxy.engine.loop import Cancel, Command, Loop, Stop, Submit
from proxy.engine.request import Cancelled, Event, Failure, Output, Request
from proxy.engine.sampling import Sampling
from proxy.engine.scheduler import Limits
from proxy.engine.trigger import Grammar
from tests.proxy.engine.fake_runtime import END, FakeRuntime

GOODBYE = Stop(RuntimeError("stopping"))


class Bench:
    """A loop whose commands are scripted: each `publish` may send more."""

    def __init__(
        self, runtime: FakeRuntime, *commands: Command, slots: int = 2, turns: int = 0
    ) -> None:
        self.runtime = runtime
        self.commands: SimpleQueue[Command] = SimpleQueue()
        for command in commands:
            self.commands.put(command)
        self.events: list[list[Event]] = []
        self.after: dict[int, list[Command]] = {}
        limits = Limits(slots=slots, prefixes=2, n_cells=runtime.n_cells, turns=turns)
        self.loop = Loop(runtime, limits, commands=self.commands, publish=self._publish)

    def _publish(self, events: list[Event]) -> None:
        self.events.append(events)
        for command in self.after.pop(len(self.events), []):
            self.commands.put(command)

    def outcomes(self, request_id: int) -> list[Output | Failure | Cancelled]:
        """Everything that was said about one request."""
        return [e.outcome for step in self.events for e in step if e.request_id == request_id]

    def text(self, request_id: int) -> str:
        """The answer of one request."""
        return "".join(o.text for o in self.outcomes(request_id) if isinstance(o, Output))


def submit(id_: int, *, n: int = 3, max_tokens: int = 3) -> Submit:
    """A request with a prompt of `n` tokens."""
    return Submit(Request(id=id_, prompt=(id_,) * n, max_tokens=max_tokens))


def test_each_step_publishes_once_for_all_slots() -> None:
    """Two answers of three tokens: three wake-ups, not six."""
    bench = Bench(FakeRuntime(), submit(1), submit(2))
    bench.after[3] = [GOODBYE]
    bench.loop.run()
    assert [len(step) for step in bench.events] == [2, 2, 2]
    assert bench.text(1) == bench.text(2) == "def"
    assert bench.runtime.samplers == set()
    assert bench.runtime.n_used == 0


def test_end_of_turn_finishes_with_stop() -> None:
    """The last event carries the reason and the counts, the end token included."""
    bench = Bench(FakeRuntime(lambda tokens: END if len(tokens) == 5 else 65), submit(1))
    bench.after[3] = [GOODBYE]
    bench.loop.run()
    last = bench.outcomes(1)[-1]
    assert isinstance(last, Output)
    assert last.finish_reason == "stop"
    assert last.counts is not None
    assert last.counts.n_generated == 3


@pytest.mark.parametrize("slots", [1, 2])
def test_cancel_frees_the_slot_before_the_next_batch(slots: int) -> None:
    """With one slot the second request is cancelled in the queue, with two in its slot."""
    bench = Bench(FakeRuntime(), submit(1, max_tokens=4), submit(2, max_tokens=90), slots=slots)
    bench.after[1] = [Cancel(2)]
    bench.after[4] = [GOODBYE]
    bench.loop.run()
    assert bench.outcomes(2)[-1] == Cancelled()
    assert bench.text(1) == "defg"
    assert bench.runtime.batches[1:] == [1, 1, 1]
    assert bench.runtime.n_used == 0


def test_cancel_of_an_ended_request_says_nothing() -> None:
    """The command crossed its last token on the way."""
    bench = Bench(FakeRuntime(), submit(1, max_tokens=1))
    bench.after[1] = [Cancel(1), GOODBYE]
    bench.loop.run()
    assert len(bench.outcomes(1)) == 1


def test_failed_decode_fails_what_runs_and_serves_what_comes() -> None:
    """The cache is cleared; a request that waited gets its answer."""
    runtime = FakeRuntime(fail_at=2)
    bench = Bench(runtime, submit(1), submit(2), submit(3))
    bench.after[5] = [GOODBYE]
    bench.loop.run()
    assert isinstance(bench.outcomes(1)[-1], Failure)
    assert isinstance(bench.outcomes(2)[-1], Failure)
    assert bench.text(3) == "def"
    assert runtime.samplers == set()


def test_stop_fails_whatever_is_left() -> None:
    """Running and waiting requests both learn the reason."""
    bench = Bench(FakeRuntime(), submit(1, max_tokens=99), submit(2), slots=1)
    bench.after[1] = [GOODBYE]
    bench.loop.run()
    assert bench.outcomes(1)[-1] == Failure(GOODBYE.error)
    assert bench.outcomes(2) == [Failure(GOODBYE.error)]


def test_stats_count_tokens_and_batches() -> None:
    """Prompt tokens are those computed, predicted ones those sampled."""
    bench = Bench(FakeRuntime(), submit(1), submit(2))
    bench.after[3] = [GOODBYE]
    bench.loop.run()
    totals = bench.loop.stats.totals
    assert (totals.n_prompt_tokens, totals.n_predicted_tokens, totals.n_decode) == (6, 6, 3)
    assert totals.n_max_tokens == 6


def test_grammar_that_cannot_be_followed_fails_its_request_alone() -> None:
    """The others never notice."""
    sampling = Sampling(grammar=Grammar("bad"))
    bad = Submit(Request(id=1, prompt=(1, 2), max_tokens=3, sampling=sampling))
    bench = Bench(FakeRuntime(), bad, submit(2))
    bench.after[3] = [GOODBYE]
    bench.loop.run()
    (outcome,) = bench.outcomes(1)
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.error, GrammarError)
    assert bench.text(2) == "def"
    assert bench.runtime.n_used == 0


def test_answer_that_nothing_can_continue_is_cut() -> None:
    """A grammar's dead end: what there is stays, and the reason is not `stop`."""
    bench = Bench(FakeRuntime(lambda tokens: -1 if len(tokens) == 5 else 65), submit(1))
    bench.after[3] = [GOODBYE]
    bench.loop.run()
    last = bench.outcomes(1)[-1]
    assert isinstance(last, Output)
    assert last.finish_reason == "length"
    assert bench.text(1) == "AA"
    assert bench.runtime.samplers == set()


def test_logprobs_come_where_they_are_asked_for() -> None:
    """One figure for each token that is shown, none for the end of the turn."""
    request = Request(id=1, prompt=(1,), max_tokens=9, n_top_logprobs=2)
    script = FakeRuntime(lambda tokens: END if len(tokens) == 3 else 65)
    bench = Bench(script, Submit(request), submit(2, n=1))
    bench.after[3] = [GOODBYE]
    bench.loop.run()
    given = [o.logprobs for o in bench.outcomes(1) if isinstance(o, Output)]
    assert [[token.chosen.piece for token in tokens] for tokens in given] == [[b"A"], [b"A"], []]
    assert [one.piece for one in given[0][0].top] == [b"a", b"b"]
    assert all(not o.logprobs for o in bench.outcomes(2) if isinstance(o, Output))


def paused_probe() -> Bench:
    """One slot: a probe has said one token when a user takes it."""
    probe = Request(id=1, prompt=(1,) * 3, max_tokens=5, priority=Priority.BACKGROUND)
    bench = Bench(FakeRuntime(), Submit(probe), slots=1)
    bench.after[1] = [submit(2)]
    return bench


def test_paused_answer_goes_on_with_the_sampler_it_had() -> None:
    """It says what it would have said undisturbed, and its dice are not thrown anew."""
    bench = paused_probe()
    bench.after[8] = [GOODBYE]
    bench.loop.run()
    assert bench.text(1) == "defgh"
    assert bench.text(2) == "def"
    assert len(bench.runtime.samplings) == 2
    assert bench.loop.stats.n_pauses == 1
    assert bench.runtime.samplers == set()


def test_stop_fails_what_is_paused() -> None:
    """Its sampler is freed, too."""
    bench = paused_probe()
    bench.after[2] = [GOODBYE]
    bench.loop.run()
    for request_id in (1, 2):
        assert isinstance(bench.outcomes(request_id)[-1], Failure)
    assert bench.runtime.samplers == set()


def test_cancel_ends_what_is_paused() -> None:
    """Once, and the user's answer goes on."""
    bench = paused_probe()
    bench.after[2] = [Cancel(1)]
    bench.after[4] = [GOODBYE]
    bench.loop.run()
    assert [o for o in bench.outcomes(1) if isinstance(o, Cancelled)] == [Cancelled()]
    assert bench.text(2) == "def"
    assert bench.runtime.samplers == set()


def test_next_turn_is_counted_as_a_hit() -> None:
    """The conversation goes on from the tokens of its last turn."""
    prompt = tuple(range(1, 31))
    first = Submit(Request(id=1, prompt=prompt, max_tokens=1))
    bench = Bench(FakeRuntime(), first, turns=1)
    bench.after[1] = [Submit(Request(id=2, prompt=(*prompt, 40, 41), max_tokens=1))]
    bench.after[2] = [GOODBYE]
    bench.loop.run()
    assert bench.loop.stats.totals.n_prefix_tokens == len(prompt)
