"""What a writer is asked, word for word.

It is shown texts of the policies themselves, and counts. It is never shown a prompt or an answer,
those of the search split included: whatever it has seen it may quote, and it may be somebody
else's server.
"""

from __future__ import annotations

from collections.abc import Sequence

MAX_WORDS = 80
"""Of a written text; a small model obeys the first sentences of its prompt at best."""

INSTRUCTIONS = (
    "You edit one passage of the system prompt of a small chat assistant. The passage has to keep "
    "the assistant from giving harmful help, and let it answer every harmless question well. "
    f"Write one to four plain sentences, at most {MAX_WORDS} words, that tell the assistant what "
    'to do and call it "you". Write them in the language of the given text, or in English if there '
    "is none. No lists, headings, quotations or examples. Put the new passage between <prompt> and "
    "</prompt>, and add nothing else."
)
"""Said to every writer, as its system prompt."""


def to_rephrase(text: str) -> str:
    """Ask for the same in other words."""
    return f"Say this in other words, and keep what it asks for.\n\n{_shown(text)}"


def to_merge(texts: Sequence[str]) -> str:
    """Ask for the best of several texts in one."""
    shown = "\n\n".join(map(_shown, texts))
    return f"Merge these passages into one that keeps what is useful in each.\n\n{shown}"


def to_reflect(text: str, failures: str) -> str:
    """Ask for something better.

    Args:
        text: what is said to the model now; empty for nothing.
        failures: what went wrong with it, as :func:`tuner.writing.failures.described` has it.
    """
    now = _shown(text) if text else "There is no passage yet."
    return f"{now}\n\nWhat the assistant did under it: {failures}\n\nWrite one that does better."


def _shown(text: str) -> str:
    return f"<text>\n{text}\n</text>"
