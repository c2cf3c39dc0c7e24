from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from proxy.engine.trigger import Grammar, Trigger


def watched(grammar: Grammar, pieces: list[bytes]) -> bytes | None:
    """The answer up to the trigger's end, or None."""
    trigger = Trigger(grammar)
    seen = b""
    for piece in pieces:
        part = trigger.completes(piece)
        if part is not None:
            return seen + part
        trigger.add(piece)
        seen += piece
    return None


def test_grammar_without_a_trigger_holds_from_the_start() -> None:
    """Unless the prompt has opened the model's thoughts."""
    assert not Grammar("x").is_lazy
    assert Grammar("x", is_thinking=True).is_lazy
    assert Grammar("x", trigger="{").is_lazy


@given(cuts=st.lists(st.integers(0, 40)))
def test_trigger_is_found_however_the_answer_is_cut(cuts: list[int]) -> None:
    """And what the last token says beyond it is told apart."""
    answer = b"Let me see. <tool_call>{"
    places = sorted({0, len(answer), *(cut % len(answer) for cut in cuts)})
    pieces = [answer[a:b] for a, b in itertools.pairwise(places)]
    found = watched(Grammar("x", trigger="<tool_call>"), pieces)
    assert found == b"Let me see. <tool_call>"


def test_trigger_at_the_start_counts_nowhere_else() -> None:
    """Braces in prose call nothing."""
    grammar = Grammar("x", trigger="{", at_start=True)
    assert watched(grammar, [b"\n ", b' {"na']) == b"\n  {"
    assert watched(grammar, [b"A set ", b"{1}"]) is None


def test_trigger_within_thoughts_does_not_count() -> None:
    """Nor while they have not ended."""
    grammar = Grammar("x", trigger="<call>")
    thoughts = b"<think>I could <call> it.</think>"
    assert watched(grammar, [thoughts]) is None
    assert watched(grammar, [thoughts, b"Yes: <call>"]) == thoughts + b"Yes: <call>"


def test_open_thoughts_end_where_the_grammar_begins() -> None:
    """It is known what is missing, should the model fall silent."""
    grammar = Grammar("x", is_thinking=True)
    assert watched(grammar, [b"Hm. </thi", b"nk>\n{"]) == b"Hm. </think>"
    assert Trigger(grammar).missing == b"</think>"
    assert Trigger(Grammar("x", trigger="{")).missing is None
