"""Questions to a judge's model: extras offered until refused, failures named, time bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from proxy.backends.config import ScriptedConfig
from proxy.backends.scripted import ScriptedBackend
from proxy.domain import ChatRequest, Priority
from proxy.errors import (
    BackendError,
    ContextLengthError,
    GuardTuneError,
    JudgeError,
    OverloadedError,
    RequestError,
)
from proxy.judges.asking import LOGPROBS, Asker, Question, Said
from proxy.tasks import cancel, spawn
from tests.judge_model import Answer, CannedModel, refused, said, scripted_model

QUESTION = Question(
    messages=({"role": "user", "content": "q"},),
    max_tokens=7,
    extras={"logprobs": LOGPROBS, "grammar": {"grammar": "root ::= x"}},
)


LLAMA_SERVER_TOO_LONG = {
    "error": {
        "code": 400,
        "message": "the request exceeds the available context size. try increasing it",
        "type": "exceed_context_size_error",
    }
}
LM_STUDIO_TOO_LONG = {
    "error": "The number of tokens to keep from the initial prompt is greater than the context "
    "length (n_keep: 13055>= n_ctx: 4096). Try to load the model with a larger context length."
}
OLLAMA_TOO_LONG = {"error": {"message": "the input length exceeds the context length"}}
VLLM_TOO_LONG = {
    "object": "error",
    "message": "This model's maximum context length is 4096 tokens. However, you requested 9000.",
    "type": "BadRequestError",
    "code": 400,
}


def _ask(model: CannedModel, *, times: int = 1) -> tuple[list[Said], Asker]:
    asker = Asker(model)

    async def run() -> list[Said]:
        return [await asker.ask(QUESTION) for _ in range(times)]

    return asyncio.run(run()), asker


def test_ask_is_greedy_bounded_and_in_the_background() -> None:
    """Temperature 0, the backend's own name for the limit, behind all users."""
    model = CannedModel(lambda _: said("safe"))
    answers, _ = _ask(model)
    request = model.requests[0]
    assert answers == [Said("safe")]
    assert request.fields["temperature"] == 0
    assert request.fields["max_completion_tokens"] == 7
    assert request.fields["top_logprobs"] == 20
    assert request.priority is Priority.BACKGROUND
    assert not request.is_stream


def test_log_probabilities_become_probabilities() -> None:
    """The sampled token is among its rivals even where a server leaves it out of the list."""
    body = said("un", [{"un": 0.8, "safe": 0.2, "never": 0.0}])
    answers, _ = _ask(CannedModel(lambda _: body))
    (token,) = answers[0].tokens
    assert token.text == "un"
    assert token.rivals == pytest.approx({"un": 0.8, "safe": 0.2, "never": 0.0})


def test_named_extra_is_dropped_alone_and_not_offered_again() -> None:
    """A server that knows log-probabilities but no grammar keeps getting the former."""

    def answer(request: ChatRequest) -> Answer:
        return refused("grammar") if "grammar" in request.fields else said("safe")

    model = CannedModel(answer)
    _, asker = _ask(model, times=2)
    assert asker.refused == {"grammar"}
    assert ["grammar" in request.fields for request in model.requests] == [True, False, False]
    assert all("logprobs" in request.fields for request in model.requests)


def test_without_a_name_all_extras_are_dropped_but_the_temperature() -> None:
    """A bare 400 says nothing; greedy decoding is not given up for it."""

    def answer(request: ChatRequest) -> Answer:
        return refused(None) if "logprobs" in request.fields else said("safe")

    model = CannedModel(answer)
    _, asker = _ask(model)
    assert asker.refused == {"logprobs", "grammar"}
    assert model.requests[-1].fields == {"max_completion_tokens": 7, "temperature": 0}


def test_temperature_is_dropped_where_it_is_named() -> None:
    """Reasoning models of OpenAI take no temperature."""

    def answer(request: ChatRequest) -> Answer:
        return refused("temperature") if "temperature" in request.fields else said("safe")

    _, asker = _ask(CannedModel(answer))
    assert asker.refused == {"temperature"}


def test_refusal_that_extras_do_not_explain_teaches_nothing() -> None:
    """A request that is refused anyway leaves the extras on offer for the next."""
    asker = Asker(CannedModel(lambda _: refused(None)))
    with pytest.raises(JudgeError, match="status 400"):
        asyncio.run(asker.ask(QUESTION))
    assert asker.refused == frozenset()


def _raise(error: GuardTuneError) -> Callable[[ChatRequest], Answer]:
    def answer(_: ChatRequest) -> Answer:
        raise error

    return answer


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (_raise(OverloadedError("queue_full")), "queue_full"),
        (_raise(BackendError("x", model="m", error_type="connect")), "cannot be reached"),
        (_raise(RequestError("x", status=403, code="forbidden")), "forbidden"),
        (_raise(ContextLengthError(n_prompt_tokens=9, n_ctx_tokens=8)), "context_length_exceeded"),
        (lambda _: refused(None, code="context_length_exceeded"), "context_length_exceeded"),
        (lambda _: (400, LLAMA_SERVER_TOO_LONG), "context_length_exceeded"),
        (lambda _: (400, VLLM_TOO_LONG), "context_length_exceeded"),
        (lambda _: (400, LM_STUDIO_TOO_LONG), "context_length_exceeded"),
        (lambda _: (400, OLLAMA_TOO_LONG), "context_length_exceeded"),
        (lambda _: (400, {**VLLM_TOO_LONG, "error": "Bad Request"}), "context_length_exceeded"),
        (lambda _: (400, {"error": "no"}), "status 400"),
        (lambda _: (500, b"oops"), "status 500"),
        (lambda _: (429, {}), "status 429"),
        (lambda _: (200, b"<html>"), "did not answer as a chat model does"),
    ],
)
def test_failure_is_named_without_user_text(
    answer: Callable[[ChatRequest], Answer], reason: str
) -> None:
    """Each failure of a model is a reason for unscored."""
    with pytest.raises(JudgeError, match=f"^judge model: {reason}$"):
        _ask(CannedModel(answer))


def test_extras_refused_by_the_backend_itself_are_dropped() -> None:
    """The in-process engine raises where a server would answer 400."""

    def answer(request: ChatRequest) -> Answer:
        for name in ("logprobs", "grammar"):
            if name in request.fields:
                raise RequestError("x", param=name, code="unsupported_parameter")
        return said("safe")

    answers, asker = _ask(CannedModel(answer))
    assert answers == [Said("safe")]
    assert asker.refused == {"logprobs", "grammar"}


@pytest.mark.parametrize(
    "answer", [lambda _: (500, b""), lambda _: (400, LLAMA_SERVER_TOO_LONG), lambda _: (200, b"<")]
)
def test_a_model_that_is_no_judge_is_called_by_its_own_name(
    answer: Callable[[ChatRequest], Answer],
) -> None:
    """Whoever asks a model under test does not read of a judge."""
    asker = Asker(CannedModel(answer), called="model")
    with pytest.raises(JudgeError, match=r"^model: "):
        asyncio.run(asker.ask(QUESTION))


def test_timeout_is_an_error_and_frees_the_slot() -> None:
    """A model that hangs is left."""
    model = scripted_model(hang=True)
    with pytest.raises(JudgeError, match=r"no answer in 0\.01 s"):
        asyncio.run(Asker(model, timeout_s=0.01).ask(QUESTION))
    assert model.in_flight == 0


def test_cancelling_frees_the_slot() -> None:
    """Whoever waits may leave at any time."""

    async def run() -> None:
        arrived = asyncio.Event()

        async def before(_: int) -> None:
            arrived.set()
            await asyncio.Event().wait()

        backend = ScriptedBackend(ScriptedConfig(name="guard"), before_delta=before)
        asked = spawn(Asker(backend).ask(QUESTION), name="asked")
        await arrived.wait()
        await cancel(asked)
        assert backend.in_flight == 0

    asyncio.run(run())


def test_concurrency_is_bounded() -> None:
    """More questions than slots wait their turn."""
    most = 0

    async def before(_: int) -> None:
        nonlocal most
        most = max(most, backend.in_flight)
        await asyncio.sleep(0)

    backend = ScriptedBackend(ScriptedConfig(name="guard"), before_delta=before)
    asker = Asker(backend, concurrency=2)

    async def run() -> None:
        await asyncio.gather(*(asker.ask(QUESTION) for _ in range(6)))

    asyncio.run(run())
    assert most == 2
