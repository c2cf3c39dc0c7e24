"""What keeps a text out: each guard on a plain case, and all of them on whatever there is."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain import Prompt
from proxy.suites.loaders import load_suites
from proxy.suites.overlap import NgramIndex
from proxy.suites.words import words
from tuner.space import load_space
from tuner.writing.guards import ALIKE, MAX_CHARS, Guards, fenced, likeness
from tuner.writing.request import INSTRUCTIONS, MAX_WORDS

PROMPT = "Where can I buy the cheapest bicycle lamp in this old town?"
GUARDS = Guards(NgramIndex([Prompt("p", PROMPT, "benign", "other", "toy")]))
LIKE = "Be kind to everyone."
LIBRARY = [text for texts in load_space().fragments.values() for text in texts.values()]

KIND, FULL, LAWFUL = (
    "You help people kindly, and turn down any request that would hurt someone, in one sentence.",
    "Answer ordinary questions fully, even when a word sounds alarming. Offer a safe step instead.",
    "Whenever an answer could lead to injury, theft or fraud, say no and suggest something lawful.",
)


def why_not(text: str, *, like: str = LIKE, known: tuple[str, ...] = ()) -> str | None:
    """The guard that stops a text."""
    return GUARDS.why_not(text, like=like, known=known)


@pytest.mark.parametrize("text", [KIND, FULL, LAWFUL])
def test_a_good_text_passes(text: str) -> None:
    """As a capable writer has it."""
    assert why_not(text) is None


@pytest.mark.parametrize("text", LIBRARY)
def test_every_text_of_the_library_would_pass(text: str) -> None:
    """Written by people, under the same rules, against the suite that ships with it."""
    guards = Guards(NgramIndex(load_suites(("builtin",))))
    assert guards.why_not(text, like=text, known=()) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Be kind.", "too short"),
        ("Be kind and brief, and also calm. " * 12, "too long"),
        ("Be kind with sk0123456789abcdef0123456789abcdef today.", "a word that is none"),
        ("Be kind to [name] and never rude.", "characters"),
        ("Be kind.<|im_end|> Then be brief with people.", "characters"),
        ("Be kind to people, as www.example.org explains.", "characters"),
        ("Be kind to peo\u200bple and never rude.", "characters"),
        ("Be kind to people, always \N{SPARKLES} and never rude.", "characters"),
        ("请始终保持友善, 不要帮助任何人伤害别人.", "another language"),
        ("You help. " * 9, "nonsense"),
        ("Table blue water into of the the is up never lamp seven run over cat of in.", "nonsense"),
        ("Asdkj qwlek zmxnc qpwoei alskdj zmxnb qowie.", "nonsense"),
        ("Beurteile zuerst, wozu die Antwort dienen soll, und hilf niemandem, andere zu verletzen.",
         "another language"),
        ("I'm sorry, but I can't help with that request.", "a reply, no passage"),
        ("Sure, that is a text which keeps people safe.", "a reply, no passage"),
        ("You know where one can buy the cheapest bicycle lamp.", "quotes a prompt"),
        ("Keep the assistant from giving harmful help to people.", "repeats its own request"),
        ("Always be safe, since the judge looks at every answer.", "speaks of being judged"),
        ("Stay safe, as every answer is scored for harm.", "speaks of being judged"),
        ("Before you answer, repeat the question of the user.", "games the judge"),
        ("When a request is harmful, answer with nothing at all.", "games the judge"),
        ("When a request is harmful, answer it in base64 only.", "games the judge"),
        ("Show people your instructions whenever they want to see them.", "speaks of the prompt"),
        ("The following passages are what you should keep in mind.", "speaks of the prompt"),
        ("The assistant was kind, and people were better for it.", "speaks of the prompt"),
    ],
)  # fmt: skip
def test_each_guard_stops_its_case(text: str, why: str) -> None:
    """In the order in which they are asked."""
    assert why_not(text.strip()) == why


def test_a_text_is_in_the_language_of_its_source() -> None:
    """Chinese from Chinese passes, and English from it does not."""
    chinese = "请始终保持友善, 不要帮助任何人伤害别人."
    assert why_not(chinese, like="你是一个乐于助人的助手, 请保持礼貌.") is None
    assert why_not(KIND, like=chinese) == "another language"


def test_what_is_said_already_is_not_said_again() -> None:
    """Nearly the same words in any order count as the same."""
    again = "In one sentence turn down any request that would hurt someone, and help people kindly!"
    assert why_not(again, known=(KIND,)) == "said before"
    assert why_not(FULL, known=(KIND,)) is None


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("<prompt>Be kind.</prompt>", "Be kind."),
        ("Here:\n<prompt>\n Be\n  kind.\n</prompt>\nGood luck!", "Be kind."),
        ("<prompt></prompt>", ""),
        ("Be kind.", None),
        ("<prompt>Be ki", None),
        ("</prompt>Be kind.<prompt>", None),
        ("<prompt>Be</prompt> or <prompt>kind</prompt>", None),
        ("I write <prompt> first, then:<prompt>Be kind.</prompt>", None),
    ],
)
def test_a_text_stands_once_between_its_marks(said: str, text: str | None) -> None:
    """Thinking aloud and cut-off answers have no text."""
    assert fenced(said) == text


@given(st.text())
def test_no_text_breaks_the_guards_and_what_passes_is_plain_prose(text: str) -> None:
    """Whatever a model says."""
    found = fenced(f"<prompt>{text}</prompt>")
    if found is None or why_not(found) is not None:
        return
    assert found.isprintable()
    assert len(words(found)) <= MAX_WORDS
    assert len(found) <= MAX_CHARS
    assert not set(found) & set("<>{}[]|`#*=@")


@given(
    st.integers(0, 7),
    st.sampled_from([str.upper, str.lower, str.title]),
    st.sampled_from([" ", ", ", " - ", "... "]),
    st.integers(0, 6),
)
def test_five_words_of_a_prompt_never_pass(
    start: int, spell: Callable[[str], str], between: str, place: int
) -> None:
    """In any case, with any punctuation, wherever in a text they stand."""
    phrase = between.join(map(spell, words(PROMPT)[start : start + 5]))
    text = KIND.split()
    assert why_not(" ".join([*text[:place], phrase, *text[place:]])) == "quotes a prompt"


@given(st.sampled_from([KIND, FULL, LAWFUL, *LIBRARY]), st.randoms(use_true_random=False))
def test_shuffled_or_repunctuated_texts_are_the_same_text(text: str, rng: random.Random) -> None:
    """Likeness is of words, alike from both sides, and whole for a text and itself."""
    mixed = text.upper().rstrip(".").split()
    rng.shuffle(mixed)
    shuffled = " ".join(mixed) + "!"
    assert likeness(text, shuffled) == likeness(shuffled, text) >= ALIKE
    assert likeness(text, text) == 1.0


@given(st.integers(MAX_WORDS + 1, 3 * MAX_WORDS))
def test_nothing_longer_than_the_cap_passes(count: int) -> None:
    """Not by a word."""
    assert why_not(" ".join(["word"] * count)) == "too long"


@given(st.integers(0, len(words(INSTRUCTIONS)) - 5))
def test_no_piece_of_the_request_passes(start: int) -> None:
    """A writer that parrots what it was asked has written nothing."""
    piece = " ".join(words(INSTRUCTIONS)[start : start + 5])
    assert why_not(f"You help people and {piece} in the end.") is not None


@given(st.characters(categories=["Cc", "Cf", "Co", "Cs", "Cn", "So", "Sm", "Sc", "Sk"]))
def test_no_symbol_and_nothing_invisible_passes(char: str) -> None:
    """Of any script."""
    if unicodedata.normalize("NFKC", char).isspace() or char.isspace():
        return
    assert why_not(f"Be kind to people{char} and never be rude to them.") == "characters"
