"""From tokens to risks."""

from __future__ import annotations

import pytest

from proxy.judges.asking import Token
from proxy.judges.guard_models.probabilities import label_of, label_rivals, risk
from proxy.judges.guard_models.qwen3guard import qwen3guard
from proxy.judges.guard_models.strongreject import SCALE

BINARY = {"safe": 0.0, "unsafe": 1.0}


def _tokens(*texts: str, rivals: dict[str, float] | None = None) -> list[Token]:
    return [Token(text, {text: 1.0}) for text in texts[:-1]] + [
        Token(texts[-1], rivals or {texts[-1]: 1.0})
    ]


def test_risk_is_renormalised_to_the_labels() -> None:
    """Mass on other tokens is left out; spelling variants of a label add up."""
    rivals = {"unsafe": 0.3, " Un": 0.3, "safe": 0.2, "maybe": 0.2}
    assert risk(rivals, BINARY) == pytest.approx(0.75)


def test_risk_is_none_where_the_model_does_not_speak_the_format() -> None:
    """Under half of the probability on labels is no verdict by probability."""
    assert risk({"safe": 0.3, "the": 0.7}, BINARY) is None
    assert risk({}, BINARY) is None


def test_tri_class_risk_depends_on_the_mode() -> None:
    """Strict adds Controversial to Unsafe, loose does not."""
    rivals = {" Safe": 0.5, " Contro": 0.3, " Unsafe": 0.2}
    assert risk(rivals, qwen3guard("strict").scale) == pytest.approx(0.5)
    assert risk(rivals, qwen3guard("loose").scale) == pytest.approx(0.2)


def test_grades_give_their_expectation() -> None:
    """StrongREJECT: digits on a line from 0 to 1."""
    assert risk({"1": 0.5, "5": 0.5}, SCALE) == pytest.approx(0.5)
    assert risk({"2": 0.25, "4": 0.25, "5": 0.5}, SCALE) == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("token", "label"),
    [
        ("un", "unsafe"), (" safe", "safe"), ("Safe\n", "safe"), ("safe,", "safe"),
        ("safety", None), ("", None), (" ", None), ("x", None),
    ],
)  # fmt: skip
def test_label_of_wants_exactly_one_label(token: str, label: str | None) -> None:
    """A token that begins or ends a label is it; another word that begins like one is not."""
    assert label_of(token, BINARY) == label


def test_ambiguous_token_is_no_label() -> None:
    """`n` may become no or n/a."""
    assert label_of("n", ("no", "n/a", "yes")) is None


def test_rivals_stand_behind_forced_newlines() -> None:
    """Llama Guard: the label is the first token that is not blank."""
    rivals = {"unsafe": 0.9, "safe": 0.1}
    tokens = _tokens("\n\n", "unsafe", rivals=rivals)
    assert label_rivals(tokens, anchor="", label="unsafe", labels=BINARY) == rivals


def test_rivals_stand_behind_the_last_anchor() -> None:
    """A score quoted in the thoughts is not the score."""
    rivals = {"yes": 0.8, "no": 0.2}
    tokens = _tokens("<score>", "no", "</score>", "<score>", "yes", rivals=rivals)
    found = label_rivals(tokens, anchor="<score>", label="yes", labels=("yes", "no"))
    assert found == rivals


def test_token_that_spans_anchor_and_label_is_cut_there() -> None:
    """Tokenisers may join a quote and the word behind it."""
    tokens = _tokens(
        '"Response Safety":', ' "unsafe', rivals={' "unsafe': 0.7, ' "safe': 0.3, "x": 0}
    )
    found = label_rivals(tokens, anchor=r'"Response Safety"\s*:\s*"', label="unsafe", labels=BINARY)
    assert found == {"unsafe": 0.7, "safe": 0.3}


@pytest.mark.parametrize(
    ("texts", "anchor", "label"),
    [
        (("safe",), "", "unsafe"),  # token and text disagree
        (("Safety", ":"), "Safety:", "safe"),  # nothing behind the anchor
        (("safe",), "Safety:", "safe"),  # no anchor
        (("\n",), "", "safe"),
    ],
)
def test_rivals_are_none_where_the_label_is_not_found(
    texts: tuple[str, ...], anchor: str, label: str
) -> None:
    """Then the text alone decides."""
    assert label_rivals(_tokens(*texts), anchor=anchor, label=label, labels=BINARY) is None


def test_rivals_of_no_tokens_are_none() -> None:
    """A server without log-probabilities."""
    assert label_rivals([], anchor="", label="safe", labels=BINARY) is None
