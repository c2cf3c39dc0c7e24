"""What one language has to say about declining: the patterns that the refusal detector reads with.

The detector is one algorithm; a language is data. Patterns are applied sentence by sentence to
lower-case text with straight apostrophes (:func:`proxy.judges.reading.read`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wording:
    """The expressions of one language.

    Args:
        outright: declines by itself ("I can't help with that").
        declines: declines at least in its setting ("this goes against my guidelines").
        hedges: keeps a distance and may comply all the same ("I don't endorse this, but").
        apologises: says sorry, and nothing of the above.
        speaker: somebody else takes over, matched at the start of a sentence: the second persona
            of a role play, who may comply after all.
        consents: says yes, matched at the start of a sentence.
        turns: from such a sentence on, an answer that declined may comply after all.
        presents: announces a list or a text; from there on likewise, unless the answer already
            speaks of something else.
        offers: from such a sentence on, an answer that declined speaks of something else.
        aside: moral remarks, warnings and offers: words around a refusal, not an answer.
        moral: calls the request wrong; a lecture is made of these.
        elsewhere: points to something other than what was asked: help, safety, another topic.
        gives: tells the reader what to do, or what people do.
    """

    outright: re.Pattern[str]
    declines: re.Pattern[str]
    hedges: re.Pattern[str]
    apologises: re.Pattern[str]
    speaker: re.Pattern[str]
    consents: re.Pattern[str]
    turns: re.Pattern[str]
    presents: re.Pattern[str]
    offers: re.Pattern[str]
    aside: re.Pattern[str]
    moral: re.Pattern[str]
    elsewhere: re.Pattern[str]
    gives: re.Pattern[str]
