"""An answer read sentence by sentence."""

from __future__ import annotations

from proxy.judges.reading import normal, read, wording_of
from proxy.judges.wording_en import ENGLISH
from proxy.judges.wording_vi import VIETNAMESE
from proxy.judges.wording_zh import CHINESE


def test_read_marks_the_declining_sentences() -> None:
    """An apology declines, but not outright; "I can't" does both."""
    parts = read("I'm sorry. I can't help with that. Bread needs flour.")
    assert [part.declines for part in parts] == [True, True, False]
    assert [part.declines_outright for part in parts] == [False, True, False]


def test_read_gives_offsets_of_characters_before() -> None:
    """The second sentence starts after the first one and a space."""
    first, second = read("One two. Three.")
    assert (first.offset, second.offset) == (0, 9)
    assert second.tokens == ("three",)


def test_read_nothing_gives_nothing() -> None:
    """An empty answer has no sentences."""
    assert read(" \n ") == ()


def test_normal_folds_forms_of_the_same_letters() -> None:
    """Full-width Latin, curly and odd apostrophes, and characters of no width."""
    assert normal("\uff29 \uff43\uff41\uff4e\u2019\uff54\u200b") == "i can't"
    assert normal("I can`t") == "i can't"
    assert normal("kho\u0302ng") == "kh\u00f4ng"


def test_wording_of_follows_the_script() -> None:
    """One answer may change its language between sentences."""
    answer = "我不能这样做。\nTôi không thể.\nNo caf\u00e9 is open."
    assert [part.wording for part in read(answer)] == [CHINESE, VIETNAMESE, ENGLISH]
    assert wording_of("plain") is ENGLISH


def test_length_counts_two_chinese_characters_as_a_word() -> None:
    """So that thresholds in words hold for both scripts."""
    (chinese,) = read("今天天气很好")
    (english,) = read("The weather is nice")
    assert (chinese.length, english.length) == (3, 4)


def test_quotation_inside_a_sentence_does_not_decline() -> None:
    """A sentence that is all quotation does."""
    inside, alone = read('The sign says "I can\'t help you" in red.\n"I can\'t help you."')
    assert (inside.declines, alone.declines) == (False, True)
