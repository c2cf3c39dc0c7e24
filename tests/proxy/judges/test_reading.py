"""An answer read sentence by sentence."""

from __future__ import annotations

from proxy.judges.reading import read


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
