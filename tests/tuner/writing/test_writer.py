"""A writer is asked as any model is."""

from __future__ import annotations

import asyncio

from proxy.backends.config import ScriptedConfig, ScriptedRule
from proxy.backends.scripted import ScriptedBackend
from tuner.writing.request import INSTRUCTIONS
from tuner.writing.writer import MAX_TOKENS, Writer


def writer(rule: ScriptedRule, *, timeout_s: float = 60.0) -> tuple[Writer, ScriptedBackend]:
    """On the scripted backend."""
    backend = ScriptedBackend(ScriptedConfig(name="w", rules=(rule,)))
    return Writer(backend, "0" * 64, timeout_s), backend


def test_the_request_follows_the_instructions() -> None:
    """With a seed and a limit; and what it took is known."""
    one, backend = writer(ScriptedRule(answers=("<prompt>Be kind.</prompt>",)))
    answer = asyncio.run(one.write("Say this.", seed=7))
    assert answer.text == "<prompt>Be kind.</prompt>"
    assert answer.usage is not None
    (asked,) = backend.requests
    assert [message["content"] for message in asked.messages] == [INSTRUCTIONS, "Say this."]
    assert asked.fields == {"max_tokens": MAX_TOKENS, "seed": 7}
    assert one.name == "w"


def test_a_writer_that_hangs_is_given_up() -> None:
    """And leaves nothing behind."""
    one, backend = writer(ScriptedRule(hang=True), timeout_s=0.01)
    assert asyncio.run(one.write("Say this.", seed=7)).error == "timeout"
    assert backend.in_flight == 0


def test_a_writer_that_fails_says_why() -> None:
    """A failure is an answer, too."""
    one, _ = writer(ScriptedRule(status=429))
    assert asyncio.run(one.write("Say this.", seed=7)).error == "status 429"
