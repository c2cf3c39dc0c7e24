from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from proxy.engine.text import AnswerText

TEXTS = st.text(alphabet="ab<|é€🙂\n", max_size=30)


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    """`data` cut at the given places."""
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in pairwise(places)]


@given(text=TEXTS, cuts=st.lists(st.integers(0, 200)))
def test_text_is_whole_however_its_bytes_are_cut(text: str, cuts: list[int]) -> None:
    """Characters are never split and none is lost."""
    answer = AnswerText()
    shown = [answer.add(piece) for piece in split(text.encode(), cuts)]
    assert "".join(shown) + answer.finish() == text


@given(
    text=TEXTS,
    stop=st.lists(st.text(alphabet="ab<|€", min_size=1, max_size=4), min_size=1, max_size=3),
    cuts=st.lists(st.integers(0, 200)),
)
def test_stop_strings_end_the_text_at_their_first_place(
    text: str, stop: list[str], cuts: list[int]
) -> None:
    """Nothing of a stop string is ever shown, however the bytes are cut."""
    answer = AnswerText(tuple(stop))
    shown = ""
    for piece in split(text.encode(), cuts):
        shown += answer.add(piece)
        if answer.is_stopped:
            break
    shown += answer.finish()
    ends = [text.find(string) for string in stop if string in text]
    if not answer.is_stopped:
        assert not ends
        assert shown == text
    else:
        # A longer stop string that began earlier may still have been incomplete.
        assert any(shown + string == text[: len(shown) + len(string)] for string in stop)
        assert all(string not in shown for string in stop)


def test_possible_start_of_a_stop_string_is_held_until_it_is_decided() -> None:
    """``END`` is held at ``E`` and shown when it turns out to be ``EX``."""
    answer = AnswerText(("END",))
    assert answer.add(b"the E") == "the "
    assert answer.add(b"X") == "EX"
    assert answer.add(b"EN") == ""
    assert answer.finish() == "EN"


def test_half_a_character_is_dropped_at_the_end() -> None:
    """An answer cut by max_tokens in the middle of an emoji ends before it."""
    answer = AnswerText()
    assert answer.add("🙂".encode()[:2]) == ""
    assert answer.finish() == ""


def test_invalid_bytes_become_the_replacement_character() -> None:
    """A model can emit bytes that are no UTF-8."""
    assert AnswerText().add(b"a\xffb") == "a\ufffdb"
