"""The roster of judges: one dict of names, each imported only when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from proxy.errors import JudgeError
from proxy.judges.base import Judge

if TYPE_CHECKING:
    from proxy.judges.config import JudgeConfig

DEFAULT: Final = "embedded"


def create(judge_id: str | JudgeConfig = DEFAULT) -> Judge:
    """The judge of that name or configuration, not yet started.

    Args:
        judge_id: a name of :data:`JUDGES`, as configuration spells it; or what a user writes of a
            judge that needs a model, or is made of several.

    Raises:
        JudgeError: there is no judge of that name; the message lists those there are.
    """
    if not isinstance(judge_id, str):
        from proxy.judges.configured import build

        return build(judge_id)
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


def _embedded_ngrams() -> Judge:
    from proxy.judges.embedded import EmbeddedJudge
    from proxy.judges.ngrams import load_ngrams

    return EmbeddedJudge(head=load_ngrams(), is_lexical=True)


def _scripted() -> Judge:
    from proxy.judges.scripted import ScriptedJudge

    return ScriptedJudge()


JUDGES: Final[dict[str, Callable[[], Judge]]] = {
    "embedded": _embedded,
    "embedded-lexical": _embedded_lexical,
    "embedded-ngrams": _embedded_ngrams,
    "scripted": _scripted,
}
"""Name → how it is made. Ids come from configuration, never from a class name."""
