"""Parts of a library are libraries."""

from __future__ import annotations

from tests.tuner.toy import SPACE
from tuner.space import DEFAULT_SPACE, load_space
from tuner.subspace import decoding_only, prompt_only, whole


def test_a_part_keeps_the_rest_as_it_was() -> None:
    """Neither texts nor grids change, and seeds lose only what is not there any more."""
    full = load_space()
    text = DEFAULT_SPACE.read_text(encoding="utf-8")
    prompt, decoding = load_space(text=prompt_only(text)), load_space(text=decoding_only(text))
    assert (prompt.slots, prompt.demonstrations) == (full.slots, full.demonstrations)
    assert not prompt.grids
    assert decoding.grids == full.grids
    assert not decoding.slots
    assert not decoding.examples
    assert not any(seed.decoding or seed.logit_bias for seed in prompt.seeds)
    assert whole(text) is text


def test_seeds_that_name_nothing_left_are_dropped() -> None:
    """They would be the base policy again."""
    only_shown = SPACE.replace(", decoding: {temperature: 0.4}}", "}")
    assert load_space(text=decoding_only(only_shown)).seeds == ()
    kept = load_space(text=decoding_only(SPACE)).seeds
    assert [dict(seed.decoding) for seed in kept] == [{"temperature": 0.4}]
