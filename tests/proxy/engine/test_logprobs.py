from __future__ import annotations

import math

import numpy as np
import pytest

from proxy.engine.logprobs import HeldLogprobs, Logprob, TokenLogprobs, log_probabilities

LOGITS = np.log(np.array([0.1, 0.5, 0.15, 0.25], np.float32)) + 7


def token(text: str) -> TokenLogprobs:
    """Any figures."""
    return TokenLogprobs(Logprob(text.encode(), -1.0))


def test_probabilities_are_of_the_whole_vocabulary() -> None:
    """Whatever constant the logits carry; best first."""
    logprob, top = log_probabilities(LOGITS, 2, 3)
    assert math.exp(logprob) == pytest.approx(0.15, rel=1e-5)
    assert [one for one, _ in top] == [1, 3, 2]
    assert [math.exp(value) for _, value in top] == pytest.approx([0.5, 0.25, 0.15], rel=1e-5)


def test_no_alternatives_and_all_of_them() -> None:
    """The two ends of the range; logits of -inf have probability 0."""
    assert log_probabilities(LOGITS, 0, 0)[1] == []
    logits = np.array([0, -np.inf], np.float32)
    assert log_probabilities(logits, 0, 2) == (0.0, [(0, 0.0), (1, -math.inf)])


def test_figures_come_with_the_text_they_belong_to() -> None:
    """A token whose text is held back waits with it; half a character counts as held."""
    held = HeldLogprobs()
    held.add(token("a"), b"a")
    assert held.shown("a") == (token("a"),)
    held.add(token("half"), "é".encode()[:1])
    assert held.shown("") == ()
    held.add(token("rest"), "é".encode()[1:])
    assert held.shown("é") == (token("half"), token("rest"))


def test_bytes_that_are_no_text_shift_nothing_behind_them() -> None:
    """They are shown as a replacement, which is longer than they are."""
    held = HeldLogprobs()
    held.add(token("bad"), b"\xff")
    assert held.shown("\ufffd") == (token("bad"),)
    held.add(token("half"), b"\xe2\x82")
    assert held.shown("") == ()
    held.add(token("other"), b"x E")
    assert held.shown("\ufffdx ") == (token("half"), token("other"))
    held.add(token("ND"), b"ND")
    assert held.shown("") == ()


def test_tokens_of_a_stop_string_are_not_given_out() -> None:
    """But one that only ends in it is."""
    held = HeldLogprobs()
    held.add(token("x E"), b"x E")
    held.add(token("ND"), b"ND")
    assert held.shown("x ") == (token("x E"),)


def test_rest_comes_at_the_end() -> None:
    """When the answer has ended by itself."""
    held = HeldLogprobs()
    held.add(token("E"), b"E")
    assert held.shown("") == ()
    assert held.finish() == (token("E"),)
    assert held.finish() == ()
