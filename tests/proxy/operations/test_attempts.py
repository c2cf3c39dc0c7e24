"""A request put to several models until one answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest

from proxy.backends.base import Reply
from proxy.backends.config import ScriptedConfig, ScriptedRule
from proxy.backends.scripted import ScriptedBackend
from proxy.domain import Capabilities, ChatRequest, Transcript
from proxy.errors import BackendError, ContextLengthError, OverloadedError, RequestError
from proxy.metrics import Metrics
from proxy.operations.attempts import Attempt, Fallbacks
from proxy.policy.apply import apply
from proxy.policy.schema import PASSTHROUGH
from tests.edge import scripted

ASK = ChatRequest("a", ({"role": "user", "content": "hi"},), raw=b"as sent")
STREAM = ChatRequest("a", ASK.messages, {"stream": True})

BREAKS_AT_ONCE = ScriptedRule(break_after=0)
BREAKS_LATER = ScriptedRule(answers=("one two three",), break_after=2)


class _Kit:
    """Models by name, all under no policy; ``errors`` says which cannot even be asked."""

    def __init__(
        self,
        rules: Mapping[str, ScriptedRule],
        errors: Mapping[str, RequestError | OverloadedError] | None = None,
    ) -> None:
        self.models = {name: scripted(rule, name=name) for name, rule in rules.items()}
        self.errors = errors or {}
        self.metrics = Metrics()
        self.meter = self.metrics.measure(is_stream=False)
        self.raw: list[bytes | None] = []

    def prepare(self, request: ChatRequest) -> Attempt:
        """Put a request to its model."""
        self.meter.bind(request.model, PASSTHROUGH.ref)
        if (error := self.errors.get(request.model)) is not None:
            raise error
        self.raw.append(request.raw)
        applied = apply(PASSTHROUGH, request, Capabilities(settings={}))
        ask = self.models[request.model].chat
        self.meter.transcript = Transcript()
        return Attempt(request, PASSTHROUGH, applied, ask, self.meter.transcript)

    def fallbacks(self, request: ChatRequest, names: Sequence[str]) -> Fallbacks:
        """The request, and whom to ask after its own model."""
        return Fallbacks(
            request,
            names,
            prepare=self.prepare,
            meter=self.meter,
            metrics=self.metrics,
        )

    @property
    def measured(self) -> str | None:
        """Whose answer the meter would count now."""
        series, _ = self.meter.subject
        return None if series is None else series.model

    def answer(self, names: str, request: ChatRequest = ASK) -> tuple[int, str, bytes]:
        """Status, who answered, and the body."""

        async def run() -> tuple[int, str, bytes]:
            for model in self.models.values():
                await model.start()
            with self.meter:
                asked = self.fallbacks(request, list(names))
                async with asked.open() as reply:
                    self.meter.status = reply.status
                    # Of those that failed nothing is held any more.
                    assert sum(model.in_flight for model in self.models.values()) <= 1
                    chunks = [chunk async for chunk in reply.chunks]
                    body = b"".join(chunks) if reply.body is None else reply.body
                    return reply.status, asked.answered.request.model, body

        try:
            return asyncio.run(run())
        finally:
            assert all(model.in_flight == 0 for model in self.models.values())

    def fell_back(self, model: str, fallback: str, reason: str) -> float | None:
        """How often."""
        labels = {"model": model, "fallback": fallback, "reason": reason}
        return self.metrics.registry.get_sample_value("guardtune_fallbacks_total", labels)

    def failed(self, model: str, reason: str) -> float | None:
        """How often its failures were counted."""
        labels = {"model": model, "error_type": reason}
        return self.metrics.registry.get_sample_value("guardtune_upstream_errors_total", labels)


def test_model_that_answers_is_asked_alone() -> None:
    """With its own bytes."""
    kit = _Kit({"a": ScriptedRule(answers=("A",)), "b": ScriptedRule()})
    assert kit.answer("b")[:2] == (200, "a")
    assert (kit.measured, kit.raw) == ("a", [b"as sent"])
    assert not kit.models["b"].requests


@pytest.mark.parametrize(
    ("rule", "request_", "reason"),
    [
        (ScriptedRule(status=500), ASK, "status_5xx"),
        (ScriptedRule(status=500), STREAM, "status_5xx"),
        (ScriptedRule(status=429), STREAM, "status_4xx"),
        (BREAKS_AT_ONCE, ASK, "closed"),
    ],
)
def test_next_model_answers_for_one_that_failed(
    rule: ScriptedRule, request_: ChatRequest, reason: str
) -> None:
    """Encoded again, since its name is another; both the failure and the step are counted."""
    kit = _Kit({"a": rule, "b": ScriptedRule(answers=("B.",))})
    status, name, body = kit.answer("b", request_)
    assert (status, name) == (200, "b")
    assert b"B." in body
    assert kit.measured == "b"
    assert kit.raw[1] is None
    assert (kit.fell_back("a", "b", reason), kit.failed("a", reason)) == (1, 1)


@pytest.mark.parametrize("status", [400, 401, 404, 422])
def test_mistake_in_the_request_is_one_for_all(status: int) -> None:
    """Nobody else is asked."""
    kit = _Kit({"a": ScriptedRule(status=status), "b": ScriptedRule()})
    assert kit.answer("b")[:2] == (status, "a")


def test_stream_that_has_begun_is_not_begun_again() -> None:
    """The client has read half of it."""
    kit = _Kit({"a": BREAKS_LATER, "b": ScriptedRule()})
    with pytest.raises(BackendError):
        kit.answer("b", STREAM)
    assert kit.measured == "a"


def test_where_all_fail_the_client_gets_what_the_first_said() -> None:
    """Each failure is counted once."""
    kit = _Kit({"a": ScriptedRule(status=503), "b": ScriptedRule(status=500), "c": BREAKS_AT_ONCE})
    status, name, body = kit.answer("bc")
    assert (status, name) == (503, "a")
    assert b"503" in body
    assert kit.measured == "a"
    assert (kit.failed("a", "status_5xx"), kit.failed("b", "status_5xx")) == (1, 1)
    assert kit.failed("c", "closed") == 1


def test_first_failure_is_raised_where_it_was_one() -> None:
    """Not the last."""
    kit = _Kit({"a": BREAKS_AT_ONCE, "b": ScriptedRule(status=500)})
    with pytest.raises(BackendError) as caught:
        kit.answer("b")
    assert caught.value.model == "a"
    assert (kit.failed("a", "closed"), kit.failed("b", "status_5xx")) == (1, 1)


def test_model_that_may_not_be_asked_is_passed_over() -> None:
    """Strict, or without a policy where one is required; the next is asked for the first's sake."""
    rules = {"a": ScriptedRule(status=500), "c": ScriptedRule()}
    kit = _Kit(rules, {"b": RequestError("no")})
    assert kit.answer("bc")[1] == "c"
    assert kit.fell_back("a", "c", "status_5xx") == 1


@pytest.mark.parametrize("request_", [ASK, STREAM], ids=["plain", "stream"])
def test_model_that_refuses_on_being_asked_is_passed_over(request_: ChatRequest) -> None:
    """Its context is too short, say; the failure that led to it counts once all the same."""
    kit = _Kit({"a": ScriptedRule(status=500), "c": ScriptedRule(answers=("C.",))})
    kit.models["b"] = _Refusing(name="b")
    status, name, body = kit.answer("bc", request_)
    assert (status, name) == (200, "c")
    assert b"C." in body
    assert kit.measured == "c"
    assert kit.failed("a", "status_5xx") == 1
    assert kit.fell_back("a", "b", "status_5xx") == kit.fell_back("a", "c", "status_5xx") == 1


@pytest.mark.parametrize("names", ["b", "bd", "db"])
def test_client_gets_the_firsts_failure_where_all_others_fail_or_refuse(names: str) -> None:
    """A refusal would be about a model that it did not ask for."""
    kit = _Kit({"a": ScriptedRule(status=503), "d": ScriptedRule(status=500)})
    kit.models["b"] = _Refusing(name="b")
    status, name, body = kit.answer(names)
    assert (status, name) == (503, "a")
    assert b"503" in body
    assert kit.measured == "a"
    assert kit.failed("a", "status_5xx") == 1
    assert kit.failed("d", "status_5xx") == (1 if "d" in names else None)


def test_first_model_that_refuses_on_being_asked_is_the_clients_to_hear() -> None:
    """Nobody else is asked."""
    kit = _Kit({"b": ScriptedRule()})
    kit.models["a"] = _Refusing(name="a")
    with pytest.raises(ContextLengthError):
        kit.answer("b")
    assert not kit.models["b"].requests


def test_request_that_the_first_model_refuses_is_refused() -> None:
    """It is the client's mistake."""
    with pytest.raises(RequestError):
        _Kit({"b": ScriptedRule()}, {"a": RequestError("no")}).answer("b")


def test_model_that_is_overloaded_is_stood_in_for() -> None:
    """That is no failure of its upstream."""
    kit = _Kit({"b": ScriptedRule()}, {"a": OverloadedError("loading")})
    assert kit.answer("b")[1] == "b"
    assert kit.fell_back("a", "b", "overloaded") == 1
    assert kit.failed("a", "overloaded") is None
    with pytest.raises(OverloadedError):
        _Kit({}, {"a": OverloadedError("loading")}).answer("")


def test_model_that_loads_is_counted_as_itself_where_all_others_fail() -> None:
    """The client hears of its loading, not of the last one's failure."""
    kit = _Kit({"b": ScriptedRule(status=500)}, {"a": OverloadedError("loading")})
    with pytest.raises(OverloadedError):
        kit.answer("b")
    assert kit.measured == "a"
    assert kit.failed("b", "status_5xx") == 1


def test_who_is_turned_away_before_anything_is_asked_counts_under_the_first_model() -> None:
    """As without fallbacks."""
    kit = _Kit({"a": ScriptedRule(), "b": ScriptedRule()})
    kit.fallbacks(ASK, ["b"])
    assert kit.measured == "a"


def test_answer_that_only_we_cannot_read_is_the_clients() -> None:
    """A field of another type is no failure of the model's."""
    kit = _Kit({"b": ScriptedRule()})
    kit.models["a"] = _Unreadable(name="a")
    assert kit.answer("b")[1] == "a"
    assert kit.fell_back("a", "b", "protocol") is None


class _Unreadable(ScriptedBackend):
    """Its answers cannot be read on the side."""

    def __init__(self, *, name: str) -> None:
        super().__init__(ScriptedConfig(name=name, rules=(ScriptedRule(),)))

    @asynccontextmanager
    async def chat(self, request: ChatRequest, transcript: Transcript) -> AsyncIterator[Reply]:
        """Answer, and say so."""
        async with super().chat(request, transcript) as reply:
            transcript.error_type = "protocol"
            yield reply


class _Refusing(ScriptedBackend):
    """Takes no request, as an engine whose context is too short; it says so on being asked."""

    def __init__(self, *, name: str) -> None:
        super().__init__(ScriptedConfig(name=name, rules=(ScriptedRule(),)))

    @asynccontextmanager
    async def chat(self, request: ChatRequest, transcript: Transcript) -> AsyncIterator[Reply]:
        """Refuse."""
        async with super().chat(request, transcript):
            raise ContextLengthError(n_prompt_tokens=9, n_ctx_tokens=8)
            yield


def test_leaving_midway_frees_every_model_and_keeps_the_first_ones_failure() -> None:
    """It had failed before the client left."""
    reached = asyncio.Event()

    async def hold(_index: int) -> None:
        reached.set()
        await asyncio.Event().wait()

    kit = _Kit({"a": ScriptedRule(status=500)})
    kit.models["b"] = scripted(name="b", before_delta=hold)

    async def run() -> None:
        for model in kit.models.values():
            await model.start()
        asked = kit.fallbacks(ASK, ["b"])
        task = asyncio.get_running_loop().create_task(_enter(asked))
        await reached.wait()
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(run())
    assert [_in_flight(model) for model in kit.models.values()] == [0, 0]
    assert kit.failed("a", "status_5xx") == 1


async def _enter(asked: Fallbacks) -> None:
    async with asked.open():
        pass


def _in_flight(model: ScriptedBackend) -> int:
    return model.in_flight
