"""Live judging: each completed answer is judged, or counted as unjudged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from mmap import PAGESIZE, mmap

import pytest

from proxy.domain import ChatRequest, Exchange, Transcript, Verdict
from proxy.judges.scripted import ScriptedJudge
from proxy.metrics import Metrics
from proxy.metrics.tally import Tally
from proxy.operations.judging import Judges
from proxy.operations.live import LiveJudge, read_messages
from proxy.policy.schema import PASSTHROUGH
from tests.edge import StubJudge

ASK = ChatRequest("m", ({"role": "user", "content": "hi"},))


def _told(text: str, *, finish_reason: str | None = "stop") -> Transcript:
    transcript = Transcript()
    transcript.add_text(text)
    transcript.finish_reason = finish_reason
    return transcript


def _run(
    judge: StubJudge, work: Callable[[LiveJudge], Awaitable[None]], *, max_queued: int = 10
) -> Metrics:
    metrics = Metrics()

    async def run() -> None:
        live = LiveJudge(Judges(judge), metrics, max_queued=max_queued, workers=1)
        try:
            await work(live)
        finally:
            await live.close()

    asyncio.run(run())
    return metrics


def _judged(metrics: Metrics, outcome: str) -> float | None:
    labels = {"model": "m", "policy": "passthrough", "sha": PASSTHROUGH.sha, "outcome": outcome}
    return metrics.registry.get_sample_value("guardtune_judged_total", labels)


def _unjudged(metrics: Metrics, reason: str) -> float | None:
    return metrics.registry.get_sample_value("guardtune_unjudged_total", {"reason": reason})


def test_unlabelled_traffic_is_unscored_and_says_so() -> None:
    """Without a guard model nothing is guessed."""

    async def work(live: LiveJudge) -> None:
        live.start()
        live.offer(ASK, PASSTHROUGH, _told("Hello."))
        await live.join()

    metrics = _run(StubJudge(), work)
    assert _judged(metrics, "unscored") == 1
    assert _judged(metrics, "safe") is None


def test_scores_are_observed_where_the_judge_has_some() -> None:
    """Only kinds with a score: None is not zero."""

    def decide(exchange: Exchange) -> Verdict:
        return Verdict("j", "scored", harmful=True, unsafe=0.75, relevant=0.5)

    async def work(live: LiveJudge) -> None:
        live.start()
        live.offer(ASK, PASSTHROUGH, _told("Hello."))
        await live.join()

    metrics = _run(StubJudge(decide), work)
    assert _judged(metrics, "harmful") == 1
    sums = {
        kind: metrics.registry.get_sample_value(
            "guardtune_judge_score_sum",
            {"policy": "passthrough", "sha": PASSTHROUGH.sha, "kind": kind},
        )
        for kind in ("unsafe", "relevant", "useful")
    }
    assert sums == {"unsafe": 0.75, "relevant": 0.5, "useful": None}


def test_full_queue_is_counted_and_never_waited_for() -> None:
    """Requests do not wait for a judge."""

    async def work(live: LiveJudge) -> None:
        for _ in range(3):
            live.offer(ASK, PASSTHROUGH, _told("Hello."))

    metrics = _run(StubJudge(), work, max_queued=1)
    assert _unjudged(metrics, "queue_full") == 2
    assert _unjudged(metrics, "shutdown") == 1


def test_answer_cut_short_by_a_failure_is_counted() -> None:
    """Somebody read that half."""

    async def work(live: LiveJudge) -> None:
        live.offer(ASK, PASSTHROUGH, _told("Hel", finish_reason=None))

    assert _unjudged(_run(StubJudge(), work), "incomplete") == 1


def test_other_choices_are_counted() -> None:
    """A transcript holds the first choice only."""
    request = ChatRequest("m", ASK.messages, {"n": 3})

    async def work(live: LiveJudge) -> None:
        live.offer(request, PASSTHROUGH, _told("Hello."))

    assert _unjudged(_run(StubJudge(), work), "other_choices") == 2


@pytest.mark.parametrize(
    "n", [2**64 - 1, 10**400, 10**6, 129, 0, -5, True, 2.5, "3"], ids=lambda n: str(n)[:8]
)
def test_choices_that_a_client_made_up_are_no_figure(n: object) -> None:
    """A worker's counters would break at some numbers, and its ratios at any."""
    metrics = Metrics(tally=Tally(mmap(-1, PAGESIZE)))

    async def run() -> None:
        live = LiveJudge(Judges(StubJudge()), metrics)
        for asked in ({"n": n}, {"n": n}, {}, {"n": 128}):
            live.offer(ChatRequest("m", ASK.messages, asked), PASSTHROUGH, _told("Hello."))
        live.offer(
            ChatRequest("m", ASK.messages, {"n": 3}), PASSTHROUGH, _told("x"), has_choices=False
        )
        await live.close()

    asyncio.run(run())
    assert _unjudged(metrics, "other_choices") == 127
    assert metrics.tally.answers == 3 + 128 + 1


def test_judge_that_raises_does_not_end_the_judging() -> None:
    """It is counted, and the next answer is judged."""

    def decide(exchange: Exchange) -> Verdict:
        if exchange.answer == "bad":
            raise ZeroDivisionError
        return Verdict("j", "unscored")

    async def work(live: LiveJudge) -> None:
        live.start()
        live.offer(ASK, PASSTHROUGH, _told("bad"))
        live.offer(ASK, PASSTHROUGH, _told("good"))
        await live.join()

    metrics = _run(StubJudge(decide), work)
    assert _unjudged(metrics, "judge_failed") == 1
    assert _judged(metrics, "unscored") == 1


def test_answer_under_judgement_at_shutdown_is_counted() -> None:
    """The promise holds to the end."""
    judge = StubJudge()

    async def work(live: LiveJudge) -> None:
        judge.gate = asyncio.Event()
        live.start()
        live.offer(ASK, PASSTHROUGH, _told("Hello."))
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    assert _unjudged(_run(judge, work), "shutdown") == 1


def test_the_last_users_text_is_read_in_parts_without_images() -> None:
    """The judge sees text."""
    parts = [{"type": "text", "text": "a"}, {"type": "image_url"}, {"type": "text", "text": "b"}]
    messages = ({"role": "user", "content": "x"}, {"role": "user", "content": parts},
                {"role": "assistant", "content": "y"})  # fmt: skip
    assert read_messages(messages) == ("a\nb", [])
    assert read_messages(({"role": "user", "content": None},)) == ("", [])
    assert read_messages(()) == ("", [])


def test_all_system_texts_are_read() -> None:
    """An answer may echo any of them."""
    messages = [{"role": role, "content": role} for role in ("system", "user", "developer")]
    assert read_messages(messages) == ("user", ["system", "developer"])


def test_answers_are_judged_by_the_judge_of_their_model() -> None:
    """A guard for one model, the common judge for the others."""
    common, own = ScriptedJudge(), ScriptedJudge()

    async def run() -> None:
        live = LiveJudge(Judges(common, {"guarded": own}), Metrics())
        live.start()
        for model in ("m", "guarded"):
            request = ChatRequest(model, ({"role": "user", "content": "hi"},))
            live.offer(request, PASSTHROUGH, _told(f"Hello from {model}."))
        await live.join()
        await live.close()

    asyncio.run(run())
    assert [exchange.answer for exchange in common.seen] == ["Hello from m."]
    assert [exchange.answer for exchange in own.seen] == ["Hello from guarded."]


def test_batch_of_prompts_is_judged_once_and_counted_for_the_rest() -> None:
    """A transcript holds the first answer only."""

    async def work(live: LiveJudge) -> None:
        live.offer(
            ChatRequest("m", ASK.messages, {"n": 2}, n_prompts=3), PASSTHROUGH, _told("Hello.")
        )

    assert _unjudged(_run(StubJudge(), work), "other_choices") == 5


def test_prompt_of_tokens_is_counted_as_unjudged() -> None:
    """Nobody here can read it."""
    judge = StubJudge()

    async def work(live: LiveJudge) -> None:
        live.start()
        live.offer(ChatRequest("m", ()), PASSTHROUGH, _told("Hello."))
        await live.join()

    assert _unjudged(_run(judge, work), "token_prompt") == 1
    assert not judge.seen


@pytest.mark.parametrize("reason", ["tool_calls", "function_call"])
def test_calls_without_a_text_are_counted_and_are_no_empty_answer(reason: str) -> None:
    """An agent's turns would all look degenerate; what it says beside a call is judged."""
    judge = StubJudge()

    async def work(live: LiveJudge) -> None:
        live.start()
        live.offer(ASK, PASSTHROUGH, _told("", finish_reason=reason))
        live.offer(ASK, PASSTHROUGH, _told("Let me see.", finish_reason=reason))
        await live.join()

    assert _unjudged(_run(judge, work), "tool_calls") == 1
    assert [seen.answer for seen in judge.seen] == ["Let me see."]


def test_answer_that_is_passed_over_is_counted() -> None:
    """Of a route that nobody knows, say."""

    async def work(live: LiveJudge) -> None:
        live.pass_over("passthrough_route")

    assert _unjudged(_run(StubJudge(), work), "passthrough_route") == 1


@pytest.mark.parametrize("role", [[], {}, None, 1])
def test_role_that_is_no_word_is_nobodys(role: object) -> None:
    """The Responses API's items are not checked here."""
    messages = ({"role": role, "content": "x"}, {"role": "user", "content": "hi"})
    assert read_messages(messages) == ("hi", [])
