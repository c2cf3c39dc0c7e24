"""The steps of one request, with a scripted model and real policies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import msgspec
import pytest

from proxy.admission import Admission
from proxy.backends.base import Reply
from proxy.backends.config import ScriptedConfig, ScriptedRule
from proxy.backends.scripted import ScriptedBackend
from proxy.domain import ChatRequest, Transcript
from proxy.errors import BackendError, OverloadedError, RequestError
from proxy.metrics import Metrics
from proxy.operations.judging import Judges
from proxy.operations.live import LiveJudge
from proxy.operations.served import ServedModels
from proxy.pipeline import Answer, Pipeline, Rules
from proxy.policy.store import PolicyStore
from proxy.upstream.base import Pushes, Take
from tests.edge import StubJudge, scripted, write_policy


class _Kit:
    """A pipeline and its parts, with one policy that sets a prompt and enforces a temperature."""

    def __init__(self, folder: Path, backend: ScriptedBackend, **rules: Any) -> None:
        write_policy(folder, "careful", "decoding: {temperature: 0.5}\n")
        self.backend = backend
        self.metrics = Metrics()
        self.judge = StubJudge()
        self.models = ServedModels([backend])
        self.admission = Admission(max_in_flight=1, max_queued=0, timeout_s=1)
        self.live = LiveJudge(Judges(self.judge), self.metrics)
        self.store = PolicyStore(folder)
        self.store.reload()
        self.pipeline = Pipeline(
            models=self.models,
            policies=self.store,
            admission=self.admission,
            metrics=self.metrics,
            live=self.live,
            rules=Rules(**rules),
        )

    def value(self, name: str, **labels: str) -> float | None:
        """Read one sample."""
        return self.metrics.registry.get_sample_value(name, labels)

    def requests(self, code: int) -> float | None:
        """How many plain requests to the model ended with this status, under the policy."""
        labels = {"model": "fake", "policy": "careful", "code": str(code), "stream": "false"}
        return self.value("guardtune_requests_total", **labels)


def _ask(text: str = "hi", **fields: Any) -> ChatRequest:
    return ChatRequest("fake", ({"role": "user", "content": text},), fields)


async def _drain(answer: Answer) -> bytes:
    return b"".join([chunk async for chunk in answer.chunks])


async def _answer(kit: _Kit, request: ChatRequest) -> tuple[dict[str, str], bytes]:
    async def deliver(answer: Answer) -> tuple[dict[str, str], bytes]:
        headers = {name.decode(): value.decode() for name, value in answer.headers}
        return headers, await _drain(answer)

    await kit.models.start()
    return await kit.pipeline.answer(request, deliver)


def test_answer_names_its_policy_and_what_it_overrode(tmp_path: Path) -> None:
    """The client sees who changed its request."""
    kit = _Kit(tmp_path, scripted())
    headers, body = asyncio.run(_answer(kit, _ask(temperature=2.0)))
    ref = kit.store.snapshot.policies[0].ref
    assert headers["x-guardtune-policy"] == str(ref)
    assert headers["x-guardtune-overridden"] == "temperature"
    assert msgspec.json.decode(body)["choices"][0]["message"]["content"] == "OK."
    assert kit.backend.requests[0].fields["temperature"] == 0.5


def test_stream_has_headers_that_keep_it_flowing(tmp_path: Path) -> None:
    """Once each."""
    kit = _Kit(tmp_path, scripted())

    async def deliver(answer: Answer) -> list[bytes]:
        await _drain(answer)
        return [name for name, _ in answer.headers]

    async def run() -> list[bytes]:
        await kit.models.start()
        return await kit.pipeline.answer(_ask(stream=True), deliver)

    names = asyncio.run(run())
    assert names.count(b"cache-control") == 1
    assert names.count(b"x-accel-buffering") == 1


def test_unknown_model_is_404_and_lists_the_served_ones(tmp_path: Path) -> None:
    """A typo is found at once."""
    kit = _Kit(tmp_path, scripted())
    with pytest.raises(RequestError, match="`fake`") as caught:
        asyncio.run(_answer(kit, ChatRequest("fkae", ())))
    assert (caught.value.status, caught.value.code) == (404, "model_not_found")


def test_model_that_still_loads_is_503(tmp_path: Path) -> None:
    """The client is asked to come again."""
    kit = _Kit(tmp_path, scripted())

    with pytest.raises(OverloadedError) as caught:
        asyncio.run(kit.pipeline.answer(_ask(), _drain))
    assert caught.value.reason == "loading"


def test_required_policy_refuses_what_none_matches(tmp_path: Path) -> None:
    """403 under require_policy, pass-through without it."""
    kit = _Kit(tmp_path, scripted(), require_policy=True)
    write_policy(tmp_path, "careful", "match: {models: [other]}\n")
    kit.store.reload()
    with pytest.raises(RequestError) as caught:
        asyncio.run(_answer(kit, _ask()))
    assert (caught.value.status, caught.value.code) == (403, "policy_required")


def test_request_that_no_policy_matches_passes_through_visibly(tmp_path: Path) -> None:
    """Its header says so, and nothing of it is changed."""
    kit = _Kit(tmp_path, scripted())
    write_policy(tmp_path, "careful", "match: {models: [other]}\n")
    kit.store.reload()
    request = _ask(temperature=2.0)
    headers, _ = asyncio.run(_answer(kit, request))
    assert headers["x-guardtune-policy"].startswith("passthrough@")
    assert kit.backend.requests[0] is request


def test_strict_refuses_what_would_be_overridden(tmp_path: Path) -> None:
    """Before a slot is taken."""
    kit = _Kit(tmp_path, scripted(), strict=frozenset({"fake"}))
    with pytest.raises(RequestError) as caught:
        asyncio.run(_answer(kit, _ask(temperature=2.0)))
    assert (caught.value.status, caught.value.param) == (400, "temperature")
    assert not kit.backend.requests


@pytest.mark.parametrize("fallbacks", [{}, {"fake": ("other",)}], ids=["alone", "with fallbacks"])
def test_full_server_turns_away(tmp_path: Path, fallbacks: dict[str, tuple[str, ...]]) -> None:
    """One slot, no queue: the second gets 503 and counts under its model; the slot comes back."""
    kit = _Kit(tmp_path, scripted(), fallbacks=fallbacks)

    async def second(_first: Answer) -> str:
        with pytest.raises(OverloadedError) as caught:
            await _answer(kit, _ask())
        return caught.value.reason

    async def run() -> str:
        await kit.models.start()
        reason = await kit.pipeline.answer(_ask(), second)
        await _answer(kit, _ask())
        return reason

    assert asyncio.run(run()) == "queue_full"
    assert kit.value("guardtune_rejected_total", reason="queue_full") == 1
    assert kit.requests(503) == 1


@pytest.mark.parametrize("fallbacks", [{}, {"fake": ("other",)}], ids=["alone", "with fallbacks"])
def test_a_model_that_loads_is_counted_by_its_name(
    tmp_path: Path, fallbacks: dict[str, tuple[str, ...]]
) -> None:
    """It is one that we serve."""
    kit = _Kit(tmp_path, scripted(), fallbacks=fallbacks)
    with pytest.raises(OverloadedError, match="loading"):
        asyncio.run(kit.pipeline.answer(_ask(), _drain))
    assert kit.requests(503) == 1


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
def test_cancelled_request_frees_slot_and_backend(tmp_path: Path, *, is_stream: bool) -> None:
    """Midway, with the text half told: nothing keeps running."""
    reached = asyncio.Event()

    async def hold(index: int) -> None:
        if index == 1:
            reached.set()
            await asyncio.Event().wait()

    rule = ScriptedRule(answers=("one two three",))
    kit = _Kit(tmp_path, scripted(rule, before_delta=hold))

    async def run() -> None:
        task = asyncio.get_running_loop().create_task(_answer(kit, _ask(stream=is_stream)))
        await reached.wait()
        assert (kit.backend.in_flight, kit.admission.in_flight) == (1, 1)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(run())
    assert (kit.backend.in_flight, kit.admission.in_flight) == (0, 0)
    stream = "true" if is_stream else "false"
    assert kit.value(
        "guardtune_requests_total", model="fake", policy="careful", code="499", stream=stream
    ) == 1  # fmt: skip


def test_backend_that_breaks_off_frees_its_slot_and_is_counted(tmp_path: Path) -> None:
    """And what was already sent counts as unjudged."""
    kit = _Kit(tmp_path, scripted(ScriptedRule(answers=("one two three",), break_after=2)))
    with pytest.raises(BackendError):
        asyncio.run(_answer(kit, _ask(stream=True)))
    assert kit.admission.in_flight == 0
    assert kit.value("guardtune_unjudged_total", reason="incomplete") == 1
    assert kit.value("guardtune_upstream_errors_total", model="fake", error_type="closed") == 1


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
def test_completed_answer_is_handed_to_the_judge(tmp_path: Path, *, is_stream: bool) -> None:
    """Streamed or not: the same path, the same coverage."""
    kit = _Kit(tmp_path, scripted(ScriptedRule(answers=("Good day.",))))

    async def run() -> None:
        await _answer(kit, _ask("hello", stream=is_stream))
        kit.live.start()
        await kit.live.join()
        await kit.live.close()

    asyncio.run(run())
    (exchange,) = kit.judge.seen
    assert (exchange.prompt, exchange.answer) == ("hello", "Good day.")


def test_error_status_of_the_upstream_passes_and_is_not_judged(tmp_path: Path) -> None:
    """It is no answer."""
    kit = _Kit(tmp_path, scripted(ScriptedRule(status=429)))

    async def deliver(answer: Answer) -> int:
        await _drain(answer)
        return answer.status

    async def run() -> int:
        await kit.models.start()
        return await kit.pipeline.answer(_ask(), deliver)

    assert asyncio.run(run()) == 429
    assert kit.value("guardtune_unjudged_total", reason="incomplete") is None


def test_request_sees_one_snapshot_from_start_to_end(tmp_path: Path) -> None:
    """A reload midway changes nothing for it."""
    kit = _Kit(tmp_path, scripted())

    async def deliver(answer: Answer) -> tuple[str, str]:
        before = str(answer.policy)
        write_policy(tmp_path, "careful", "decoding: {temperature: 0.9}\n")
        kit.store.reload()
        await _drain(answer)
        return before, str(answer.policy)

    async def run() -> tuple[str, str]:
        await kit.models.start()
        return await kit.pipeline.answer(_ask(), deliver)

    before, after = asyncio.run(run())
    assert before == after != str(kit.store.snapshot.policies[0].ref)


class _PushingBackend(ScriptedBackend):
    """Its stream pushes what it can, and gives out the rest."""

    @asynccontextmanager
    async def chat(self, request: ChatRequest, transcript: Transcript) -> AsyncIterator[Reply]:
        """Answer in three chunks, of which the second has the first text."""
        yield Reply(200, ((b"content-type", b"text/event-stream"),), _Pushing(transcript))


class _Pushing:
    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript
        self._left = [b"role", b"text", b"more"]
        self._take: Take = lambda _piece: False

    def push_to(self, take: Take) -> None:
        """See `Pushes`."""
        self._take = take

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        while self._left:
            piece = self._left.pop(0)
            if piece != b"role":
                self._transcript.add_text("a")
            if not self._take(piece):
                return piece
        self._transcript.finish_reason = "stop"
        raise StopAsyncIteration


def test_first_text_is_waited_for_and_the_rest_is_pushed(tmp_path: Path) -> None:
    """So that its time is taken; nothing is lost or swapped, and the answer is judged."""
    kit = _Kit(tmp_path, _PushingBackend(ScriptedConfig(name="fake")))
    waited: list[bytes] = []
    pushed: list[bytes] = []

    def take(piece: bytes) -> bool:
        pushed.append(piece)
        return True

    async def deliver(answer: Answer) -> None:
        assert isinstance(answer.chunks, Pushes)
        answer.chunks.push_to(take)
        waited.extend([chunk async for chunk in answer.chunks])

    async def run() -> None:
        await kit.models.start()
        kit.live.start()
        await kit.pipeline.answer(_ask(stream=True), deliver)
        await kit.live.join()
        await kit.live.close()

    asyncio.run(run())
    assert (waited, pushed) == ([b"role", b"text"], [b"more"])
    labels = {"model": "fake", "policy": "careful"}
    assert kit.value("guardtune_time_to_first_token_seconds_count", **labels) == 1
    assert len(kit.judge.seen) == 1
