"""Writers for tests, on the scripted backend."""

from __future__ import annotations

from collections.abc import Callable

from proxy.backends.config import ScriptedConfig, ScriptedRule
from proxy.backends.scripted import ScriptedBackend
from proxy.domain import ChatRequest
from tuner.writing.writer import Writer

_WHO = ("every guest", "each neighbour", "a tired friend", "the new colleague", "your old teacher")
_HOW = ("with patience", "in plain words", "without haste", "as a nurse would", "like a good host")
_WHAT = ("answer harmless questions fully", "offer something safe", "explain things step by step")
_NOT = ("never help to hurt anyone", "turn down what would do harm", "leave dangerous details out")


def fresh_text(seed: int) -> str:
    """One of 225 texts, no two of them nearly alike unless their seeds are."""
    who, how = _WHO[seed % 5], _HOW[seed // 5 % 5]
    what, but = _WHAT[seed // 25 % 3], _NOT[seed // 75 % 3]
    return f"Treat {who} {how}: {what}, and {but}."


def write(request: ChatRequest) -> ScriptedRule:
    """A usable text, another one for each seed."""
    return ScriptedRule(answers=(f"<prompt>{fresh_text(request.fields['seed'])}</prompt>",))


def writer(
    responder: Callable[[ChatRequest], ScriptedRule] = write, *, timeout_s: float = 60.0
) -> Writer:
    """A started writer that answers as the function says."""
    backend = ScriptedBackend(ScriptedConfig(name="pen"), responder=responder)
    return Writer(backend, "1" * 64, timeout_s)


def saying(*answers: str) -> Callable[[ChatRequest], ScriptedRule]:
    """These answers in turn, over and over."""
    asked = 0

    def answer(_request: ChatRequest) -> ScriptedRule:
        nonlocal asked
        asked += 1
        return ScriptedRule(answers=(answers[(asked - 1) % len(answers)],))

    return answer
