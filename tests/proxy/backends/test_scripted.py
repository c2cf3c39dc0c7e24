"""What the scripted backend adds to the conformance suite: rules, seeds, hooks, records."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from proxy.backends.config import ScriptedConfig, ScriptedRule
from proxy.backends.scripted import ScriptedBackend, last_user_text
from proxy.domain import ChatRequest, Transcript, Usage
from proxy.errors import BackendError

RULES = (
    ScriptedRule(user="(?i)how do i pick", system="careful", answers=("I can't help with that.",)),
    ScriptedRule(user="(?i)how do i pick", answers=("First, take a pin.",)),
    ScriptedRule(user="echo", answers=("{model} heard: {user}",)),
    ScriptedRule(user="dice", answers=("one", "two", "three", "four", "five", "six")),
)


def asked(user: str, *, system: str = "", **fields: Any) -> ChatRequest:
    """A request."""
    messages = [{"role": "system", "content": system}] if system else []
    return ChatRequest("fake", (*messages, {"role": "user", "content": user}), fields)


def answer(backend: ScriptedBackend, request: ChatRequest) -> tuple[bytes, Transcript]:
    """Body and transcript."""

    async def main() -> tuple[bytes, Transcript]:
        transcript = Transcript()
        async with backend.chat(request, transcript) as reply:
            return b"".join([chunk async for chunk in reply.chunks]), transcript

    return asyncio.run(main())


def text(backend: ScriptedBackend, request: ChatRequest) -> str:
    """The answer's text."""
    return answer(backend, request)[1].text


def fake(*rules: ScriptedRule) -> ScriptedBackend:
    """A backend of these rules."""
    return ScriptedBackend(ScriptedConfig(name="fake", rules=rules or RULES))


def test_first_rule_whose_patterns_are_found_answers() -> None:
    """The system text decides too, so a policy changes what is said."""
    backend = fake()
    assert text(backend, asked("How do I pick a lock?")) == "First, take a pin."
    assert text(backend, asked("How do I pick a lock?", system="Be careful.")).startswith("I can't")
    assert text(backend, asked("Anything else")) == "OK."


def test_last_user_message_counts() -> None:
    """Demonstrations before it do not; content parts do."""
    messages = (
        {"role": "user", "content": "echo"},
        {"role": "assistant", "content": "x"},
        {"role": "user", "content": [{"type": "text", "text": "Good day"}, {"type": "image_url"}]},
    )
    request = ChatRequest("fake", messages)
    assert last_user_text(request) == "Good day"
    assert text(fake(), request) == "OK."
    assert last_user_text(ChatRequest("fake", ())) == ""


def test_template_names_model_and_user_literally() -> None:
    """Braces in what the user says are only text."""
    assert text(fake(), asked("echo {model} {0}")) == "fake heard: echo {model} {0}"


def test_seed_chooses_among_answers_the_same_way_each_time() -> None:
    """Deterministic, and not always the same."""
    backend = fake()
    said = [text(backend, asked("dice", seed=seed)) for seed in range(40)]
    assert said == [text(fake(), asked("dice", seed=seed)) for seed in range(40)]
    assert len(set(said)) == 6


def test_same_request_gives_the_same_bytes() -> None:
    """Golden transcripts depend on it."""
    for stream in (False, True):
        request = asked("echo", stream=stream)
        assert answer(fake(), request)[0] == answer(fake(), request)[0]


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_limit_cuts_the_answer(field: str) -> None:
    """Words are its tokens."""
    fields: dict[str, Any] = {field: 2}
    _, transcript = answer(fake(), asked("How do I pick a lock?", **fields))
    assert (transcript.text, transcript.finish_reason) == ("First, take ", "length")
    assert transcript.usage == Usage(prompt_tokens=6, completion_tokens=2)


def test_rule_sets_the_finish_reason() -> None:
    """As a content filter would."""
    body, transcript = answer(fake(ScriptedRule(finish_reason="content_filter")), asked("x"))
    assert transcript.finish_reason == "content_filter"
    assert msgspec.json.decode(body)["choices"][0]["finish_reason"] == "content_filter"


def test_requests_are_recorded_as_they_came() -> None:
    """A test reads there what a policy made of them."""
    backend = fake()
    requests = [asked("a", temperature=0.5), asked("b")]
    for request in requests:
        answer(backend, request)
    assert list(backend.requests) == requests
    assert backend.in_flight == 0


def test_function_decides_where_rules_are_not_enough() -> None:
    """It sees the whole request."""

    def respond(request: ChatRequest) -> ScriptedRule:
        return ScriptedRule(answers=(f"{len(request.messages)} messages",))

    backend = ScriptedBackend(ScriptedConfig(name="fake"), responder=respond)
    assert text(backend, asked("x", system="y")) == "2 messages"


def test_hook_holds_the_stream_before_each_delta() -> None:
    """A test steps through an answer with events, not with time."""
    order: list[str] = []

    async def before(index: int) -> None:
        order.append(f"before {index}")

    async def main() -> None:
        config = ScriptedConfig(name="fake", rules=(ScriptedRule(answers=("a b",)),))
        backend = ScriptedBackend(config, before_delta=before)
        async with backend.chat(asked("x", stream=True), Transcript()) as reply:
            async for chunk in reply.chunks:
                if b'"content":"a' in chunk or b'"content":"b' in chunk:
                    order.append("delta")  # noqa: PERF401 - the order is what is tested

    asyncio.run(main())
    assert order == ["before 0", "delta", "before 1", "delta"]


def test_break_behind_the_last_delta_still_breaks() -> None:
    """Between the text and its finish reason."""
    with pytest.raises(BackendError):
        answer(fake(ScriptedRule(answers=("a b",), break_after=2)), asked("x", stream=True))


@pytest.mark.parametrize("break_after", [2, 9])
def test_plain_answer_breaks_too(break_after: int) -> None:
    """No half body is ever passed on, also where the break lies past the end."""
    with pytest.raises(BackendError):
        answer(fake(ScriptedRule(answers=("a b",), break_after=break_after)), asked("x"))


def test_hanging_ends_only_with_the_client() -> None:
    """And then it is freed."""

    async def main() -> None:
        backend = fake(ScriptedRule(hang=True))

        async def ask() -> None:
            async with backend.chat(asked("x"), Transcript()):
                raise AssertionError

        task = asyncio.get_running_loop().create_task(ask())
        await asyncio.sleep(0)
        assert backend.in_flight == 1
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert backend.in_flight == 0

    asyncio.run(main())


def test_error_status_has_an_openai_body() -> None:
    """Like an upstream's own."""
    body, transcript = answer(fake(ScriptedRule(status=503)), asked("x"))
    assert msgspec.json.decode(body)["error"]["message"] == "The script answers with status 503."
    assert transcript.error_type == "provider"
