"""Live judging: completed answers are judged off the request path, and none is lost in silence.

Promise: every completed answer is judged, or counted in ``guardtune_unjudged_total``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from proxy.domain import ChatRequest, Exchange, Message, PolicyRef, Transcript, Verdict
from proxy.evaluation.run import echo_context
from proxy.metrics import Metrics
from proxy.operations.judging import Judges
from proxy.policy.placement import SYSTEM_ROLES
from proxy.policy.schema import Policy
from proxy.tasks import cancel, spawn

_log = logging.getLogger(__name__)

GATHER_S = 0.005
"""Answers that come within this of each other are judged at one waking: waking costs as much as
handing an answer over."""


_CALLS = frozenset({"tool_calls", "function_call"})
"""Ends of answers that may be calls alone: nothing for a judge of texts, and no empty answer."""

MAX_CHOICES = 128
"""OpenAI's own limit. A server that answers a request for more has not read its `n`, and what a
client makes up must not become a figure."""


class _Job(msgspec.Struct, frozen=True):
    model: str
    policy: PolicyRef
    exchange: Exchange


class LiveJudge:
    """A bounded queue of answers and a few workers that judge them.

    When the queue is full, further answers count as unjudged: requests never wait for a judge.

    Args:
        judges: the model's own judges an answer; started and closed by their owner.
        metrics: where verdicts are counted.
        max_queued: answers that may wait; each costs the memory of its text.
        workers: answers judged at once.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        judges: Judges,
        metrics: Metrics,
        *,
        max_queued: int = 256,
        workers: int = 2,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._judges = judges
        self._metrics = metrics
        self._queue: deque[_Job] = deque()
        self._max_queued = max_queued
        self._n_unfinished = 0
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        self._n_workers = workers
        self._clock = clock
        self._workers: list[asyncio.Task[None]] = []
        self._has_news = asyncio.Event()
        self._alarm: asyncio.TimerHandle | None = None
        metrics.judge_queued.set_function(lambda: len(self._queue))

    def start(self) -> None:
        """Begin to judge; answers offered before wait in the queue."""
        self._has_news.set()
        self._workers = [
            spawn(self._work(), name=f"live-judge-{number}") for number in range(self._n_workers)
        ]

    async def close(self) -> None:
        """Stop; what still waits is counted as unjudged."""
        if self._alarm is not None:
            self._alarm.cancel()
        for worker in self._workers:
            await cancel(worker)
        self._workers = []
        while self._queue:
            self._queue.popleft()
            self._finished()
            self._unjudged("shutdown")

    def offer(
        self,
        request: ChatRequest,
        policy: Policy,
        transcript: Transcript,
        *,
        has_choices: bool = True,
    ) -> None:
        """Take over an answer that has gone to its client; never blocks.

        Args:
            request: as the client sent it.
            policy: in force for it.
            transcript: complete, or of an answer that broke off.
            has_choices: whether `n` means anything on its route.
        """
        n = request.fields.get("n") if has_choices else None
        n_choices = n if isinstance(n, int) and 1 < n <= MAX_CHOICES else 1
        others = n_choices * request.n_prompts - 1
        self._metrics.tally.answers_taken(1 + others)
        if others:
            self._unjudged("other_choices", others)
        if not transcript.is_complete:
            self._unjudged("incomplete")
            return
        if not request.messages:
            self._unjudged("token_prompt")
            return
        if transcript.finish_reason in _CALLS and not transcript.has_text:
            self._unjudged("tool_calls")
            return
        if len(self._queue) >= self._max_queued:
            self._unjudged("queue_full")
            return
        prompt, systems = read_messages(request.messages)
        exchange = Exchange(
            prompt=prompt,
            answer=transcript.text,
            context=(*systems, *echo_context(policy)),
            finish_reason=transcript.finish_reason,
        )
        self._queue.append(_Job(request.model, policy.ref, exchange))
        self._n_unfinished += 1
        self._is_idle.clear()
        if self._alarm is None:
            self._alarm = asyncio.get_running_loop().call_later(GATHER_S, self._wake)

    def pass_over(self, reason: str) -> None:
        """Count an answer that cannot be judged; `reason` is one of the metric's words."""
        self._metrics.tally.answers_taken(1)
        self._unjudged(reason)

    async def join(self) -> None:
        """Wait until everything offered so far has been judged."""
        await self._is_idle.wait()

    def _wake(self) -> None:
        self._alarm = None
        self._has_news.set()

    async def _work(self) -> None:
        while True:
            await self._has_news.wait()
            self._has_news.clear()
            while self._queue:
                await self._take(self._queue.popleft())

    async def _take(self, job: _Job) -> None:
        started = self._clock()
        try:
            verdict = await self._judges.of(job.model).judge(job.exchange)
            self._metrics.judge_duration.observe(self._clock() - started)
            self._count(job, verdict)
        except asyncio.CancelledError:
            self._unjudged("shutdown")
            raise
        except Exception:  # noqa: BLE001 - the loop's edge: one answer must not end the judging
            _log.exception("event=judge_failed judge=%s", self._judges.of(job.model).judge_id)
            self._unjudged("judge_failed")
        finally:
            self._finished()

    def _finished(self) -> None:
        self._n_unfinished -= 1
        if not self._n_unfinished:
            self._is_idle.set()

    def _count(self, job: _Job, verdict: Verdict) -> None:
        name, sha = job.policy.name, job.policy.sha
        self._metrics.judged.labels(job.model, name, sha, verdict.outcome).inc()
        scores = {"unsafe": verdict.unsafe, "relevant": verdict.relevant, "useful": verdict.useful}
        for kind, score in scores.items():
            if score is not None:
                self._metrics.judge_score.labels(name, sha, kind).observe(score)

    def _unjudged(self, reason: str, count: int = 1) -> None:
        self._metrics.unjudged.labels(reason).inc(count)


def read_messages(messages: Sequence[Message]) -> tuple[str, list[str]]:
    """Return the text of the last user message, empty if there is none; and all system texts."""
    asked: Message = {}
    systems: list[str] = []
    for message in messages:
        role = message.get("role")
        if role == "user":
            asked = message
        elif role in SYSTEM_ROLES:
            systems.append(_text(message))
    return _text(asked), systems


def _text(message: Message) -> str:
    """Join the text parts of one message; images and the like are not text."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "\n".join(text for text in texts if isinstance(text, str))
