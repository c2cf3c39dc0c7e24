from __future__ import annotations

from proxy.engine.request import Output, Request
from proxy.engine.slots import Lane, Prefix, Slot


def slot(max_tokens: int = 3, stop: tuple[str, ...] = ()) -> Slot:
    """A slot whose prompt is two tokens."""
    asked = Request(id=1, prompt=(7, 8), max_tokens=max_tokens, stop=stop)
    return Slot(asked, Lane(0, [7, 8]), n_cells=5)


def test_accept_ends_at_max_tokens_with_what_was_held() -> None:
    """The last token's text and a held-back start of a stop string are shown."""
    one = slot(max_tokens=2, stop=("END",))
    assert one.accept(9, b"a E", is_end=False) == Output("a ")
    output = one.accept(9, b"N", is_end=False)
    assert output.text == "EN"
    assert output.finish_reason == "length"
    assert output.counts is not None
    assert (output.counts.n_prompt, output.counts.n_generated) == (2, 2)


def test_accept_stops_at_the_end_of_turn_without_its_text() -> None:
    """The control token is counted and not shown."""
    output = slot().accept(2, b"ignored", is_end=True)
    assert (output.text, output.finish_reason) == ("", "stop")


def test_accept_stops_at_a_stop_string() -> None:
    """The text ends before it."""
    output = slot(stop=("b",)).accept(9, b"abc", is_end=False)
    assert (output.text, output.finish_reason) == ("a", "stop")


def test_prefix_is_ready_when_all_is_computed() -> None:
    """A lane counts what is left."""
    prefix = Prefix(Lane(0, [1, 2], n_computed=1))
    assert prefix.lane.n_left == 1
    assert not prefix.is_ready
    prefix.lane.n_computed = 2
    assert prefix.is_ready


def test_give_up_ends_an_answer_that_cannot_go_on() -> None:
    """With what was held back; it is cut."""
    one = slot(stop=("END",))
    one.accept(9, b"a E", is_end=False)
    output = one.give_up()
    assert (output.text, output.finish_reason) == ("E", "length")
