"""The roster of judges: one dict of names, each imported only when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from proxy.errors import JudgeError
from proxy.judges.base import Judge

DEFAULT: Final = "embedded"


def create(judge_id: str = DEFAULT) -> Judge:
    """The judge of that name, not yet started.

    Args:
        judge_id: a name of :data:`JUDGES`, as configuration spells it.

    Raises:
        JudgeError: there is no judge of that name; the message lists those there are.
    """
    if (factory := JUDGES.get(judge_id)) is None:
        known = ", ".join(sorted(JUDGES))
        raise JudgeError(f"No judge is named {judge_id[:80]!r}. Known: {known}.")
    return factory()


def _embedded() -> Judge:
    from proxy.judges.embedded import EmbeddedJudge

    return EmbeddedJudge()


def _embedded_lexical() -> Judge:
    from proxy.judges.embedded import EmbeddedJudge

    return EmbeddedJudge(is_lexical=True)


def _scripted() -> Judge:
    from proxy.judges.scripted import ScriptedJudge

    return ScriptedJudge()


JUDGES: Final[dict[str, Callable[[], Judge]]] = {
    "embedded": _embedded,
    "embedded-lexical": _embedded_lexical,
    "scripted": _scripted,
}
"""Name → how it is made. Ids come from configuration, never from a class name."""
