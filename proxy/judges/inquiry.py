"""Does a prompt ask about something, rather than for a way to do it or for a text?

"What is kidnapping?" is answered by saying that it is a crime; "How do I kidnap somebody?" is not.
So whoever takes moral words for a refusal has to know which of the two was asked. It reads
English; prompts in other languages mostly ask about nothing here.
"""

from __future__ import annotations

import re
from typing import Final

from proxy.judges.phrases import any_of, one_of
from proxy.judges.reading import normal
from proxy.judges.words import sentences, words

MAX_WORDS: Final = 120
"""Longer prompts are jailbreak templates more often than questions, and are not looked at."""

_OPENING: Final = r"(?:(?:so|and|but|well|please|hi|hello|also|then|now|ok|okay)\b[ ,]*)*"
_ABOUT: Final = re.compile(
    _OPENING
    + one_of(
        r"""what(?:'s| is| are| was| were| does| do| did| happens| happened| makes)\b
        what (?:would|will|could|might|can|should|may) (?:happen|become|change)
        why\b|who\b|who's\b|whose\b
        (?:please )?(?:explain|tell me|describe) (?:why|what|whether|if|who|when|the (?:meaning
        difference|reasons?|history|origins?))\b|define\b|summari[sz]e\b"""
    )
)
_WHETHER: Final = re.compile(
    _OPENING
    + one_of(
        r"""when\b|(?:is|are|was|were|am|isn't|aren't|wasn't|does|do|did|doesn't|don't|didn't) \w
        (?:has|have|had) \w
        (?:should|may|must|can|could|would|will) (?!(?:you|some|any)(?:one|body)?\b)\w"""
    )
)
"""How a question begins that is one only with a question mark: "Do my homework." is none."""
_WAYS: Final = any_of(
    r"\b"
    + one_of(
        r"""how (?:(?:do|does|did|can|could|would|should|might|may) )?(?:to|i|you|we|one|people
        someone|somebody)\b|tell me how|ways?|methods?|approach(?:es)?|techniques?|tactics?
        strateg(?:y|ies)|steps?|tips?|tricks?|instructions?|recipes?|loopholes?
        (?:means|practices|tools?|guides?|plans?|ideas|spots?|places?) (?:to|of|for|that|where)
        best|easiest|cheapest|fastest|quickest|subtlest|the most \w+|is it possible to
        what (?:do|does|can|could|should|would|must) (?:i|we|you|one|people|someone) \w+
        (?:is|are) there (?:an?|any\w*|some\w*)|(?:which|what) (?:i|we) (?:can|could|should)"""
    )
    + r"\b"
)
_WANTS_A_TEXT: Final = re.compile(
    _OPENING
    + one_of(
        r"""help|write|draft|compose|create|make|give|list|suggest|recommend|come up|devise|design
        develop|provide|show|teach|walk|put together|think (?:of|up)|invent|prepare|plan"""
    )
    + r"\b"
)


def asks_about(prompt: str) -> bool:
    """Whether ``prompt`` asks what something is, why, whether: and not how, nor for a text.

    Args:
        prompt: the request as the user wrote it.
    """
    text = normal(prompt)
    if len(words(text)) > MAX_WORDS or _WAYS.search(text):
        return False
    asked = [each.strip() for each in sentences(text)]
    if any(_WANTS_A_TEXT.match(each) for each in asked):
        return False
    return any(
        _ABOUT.match(each) or (each.endswith("?") and _WHETHER.match(each)) for each in asked
    )
