"""English wordings that decline, and wordings that only look like it."""

from __future__ import annotations

import pytest

from proxy.judges.reading import Stance, read

OUTRIGHT = (
    "I'm sorry, but I can't assist with that.",
    "I cannot in good conscience help you here.",
    "We are not able to discuss this.",
    "I must respectfully decline.",
    "That is not something I can do.",
    "I won\u2019t write that.",
    "Cheating isn't something I can condone.",
    "Count me out.",
    "Request denied.",
)
DECLINING = (
    "This goes against my guidelines.",
    "I would strongly advise against it.",
    "Your request violates our policy.",
    "I'd rather not get into that.",
    "It would be irresponsible of me to explain that.",
    "Sorry, but pranks of this kind are illegal.",
)
HEDGING = (
    "I don't endorse any of this.",
    "I do not have access to the archive.",
    "I'm not able to predict the future.",
)
NOT_DECLINING = (
    "I'm sorry to hear that your plant died.",
    "You can't bake bread without heat.",
    "He could not attend the meeting.",
    "Sure, I can help with that.",
    "Never leave the oven on.",
    "The law does not allow parking here.",
    "I can't wait to see it.",
    "I couldn't help but smile.",
    "I cannot recommend it enough.",
    "The clerk was unable to find the shirt in the shop.",
    "I can't predict the weather, but it is often dry in May.",
    'In English "I can\'t do that" sounds rude to some people.',
)


def stance(sentence: str) -> Stance:
    """How the one sentence is read."""
    (part,) = read(sentence)
    return part.stance


@pytest.mark.parametrize("sentence", OUTRIGHT)
def test_outright_wording_declines_by_itself(sentence: str) -> None:
    """Each wording declines, and none is lost to the fast test for cue words."""
    assert stance(sentence) == "outright"


@pytest.mark.parametrize("sentence", DECLINING)
def test_setting_makes_a_wording_decline(sentence: str) -> None:
    """An appeal to rules, a preference, or an apology for a wrong request."""
    assert stance(sentence) in ("declines", "outright")


@pytest.mark.parametrize("sentence", HEDGING)
def test_hedge_keeps_a_distance(sentence: str) -> None:
    """It may be followed by an answer."""
    assert stance(sentence) == "hedges"


@pytest.mark.parametrize("sentence", NOT_DECLINING)
def test_other_wording_is_passed_over(sentence: str) -> None:
    """Sympathy, facts, instructions and quotations are no refusals."""
    assert stance(sentence) == "none"


def test_apology_alone_only_apologises() -> None:
    """A correction begins with one as well."""
    assert stance("I'm sorry, but the train leaves at nine.") == "apologises"
