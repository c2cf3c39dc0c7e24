from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.backends.reasoning import ReasoningSplitter, partial_end

CUTS = st.lists(st.integers(0, 80))


def split(text: str, cuts: list[int], *, is_thinking: bool = False) -> tuple[str, str]:
    """Thoughts and answer, from pieces cut anywhere."""
    places = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    splitter = ReasoningSplitter(is_thinking=is_thinking)
    parts = [splitter.feed(text[a:b]) for a, b in zip(places, places[1:], strict=False)]  # noqa: RUF007 — pairs of places, empty pieces included
    parts.append(splitter.finish())
    return "".join(p.reasoning for p in parts), "".join(p.answer for p in parts)


@pytest.mark.parametrize(
    ("text", "is_thinking", "expected"),
    [
        ("<think>\nOne.\nTwo.\n</think>\n\nYes. \n", False, ("One.\nTwo.", "Yes. \n")),
        ("\n <think>a</think>b", False, ("a", "b")),
        ("a </thin b </think> c", True, ("a </thin b", "c")),
        ("<think>never ends </th", False, ("never ends </th", "")),
        ("<think></think>b", False, ("", "b")),
        ("No thoughts, <think>a tag</think>.", False, ("", "No thoughts, <think>a tag</think>.")),
        (" <thinker> ", False, ("", " <thinker> ")),
        ("  ", False, ("", "  ")),
        ("<thi", False, ("", "<thi")),
        ("a</think>b</think>c", True, ("a", "b</think>c")),
    ],
)
@given(cuts=CUTS)
def test_thoughts_and_answer_however_the_text_is_cut(
    text: str,
    is_thinking: bool,  # noqa: FBT001 — parametrised
    expected: tuple[str, str],
    cuts: list[int],
) -> None:
    """No tag is shown, not even in part, and nothing else is lost."""
    assert split(text, cuts, is_thinking=is_thinking) == expected


@given(text=st.text(alphabet="<think/> a\n", max_size=40), cuts=CUTS)
def test_cuts_never_matter(text: str, cuts: list[int]) -> None:
    """Whatever the model writes."""
    assert split(text, cuts) == split(text, [])


def test_partial_end_is_the_longest() -> None:
    """But never the whole tag."""
    assert partial_end("a<<t", "<think>") == 2
    assert partial_end("<think>", "<think>") == 0
    assert partial_end("", "<think>") == 0
