"""Parts of a library are libraries."""

from __future__ import annotations

from tests.tuner.toy import SPACE
from tuner.space import DEFAULT_SPACE, load_space
from tuner.subspace import content, decoding_only, prompt_only, restricted, whole, written


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


def test_what_yaml_takes_for_a_truth_value_stays_a_text() -> None:
    """A refusal that begins with "No" is one."""
    text = SPACE + "logit_bias: {No: [-1.0]}\ntokens: {No: 7}\n"
    assert load_space(text=decoding_only(decoding_only(text))).tokens == {"No": 7}
    assert not load_space(text=prompt_only(text)).tokens


def test_of_seeds_that_differ_in_what_is_left_out_one_stays() -> None:
    """They would be one policy."""
    twin = "  - {name: two, demonstrations: [safe-one, fine-one], decoding: {temperature: 0.8}}\n"
    assert [seed.name for seed in load_space(text=prompt_only(SPACE + twin)).seeds] == ["one"]
    assert len(load_space(text=decoding_only(SPACE + twin)).seeds) == 2


def test_seeds_are_told_apart_by_what_they_say_and_not_how() -> None:
    """Neither the order of settings nor a decimal point makes another policy."""
    typed = (
        "  - {name: a, decoding: {temperature: 0, top_p: 0.9, top_k: 5}}\n"
        "  - {name: b, decoding: {top_k: 40, top_p: 0.9, temperature: 0.0}}\n"
    )
    cut = restricted(content(SPACE + typed), {"temperature": [0.0], "top_p": [0.9]}, {})
    assert [seed["name"] for seed in cut["seeds"]] == ["one", "a"]


def test_seeds_that_name_nothing_left_are_dropped() -> None:
    """They would be the base policy again."""
    only_shown = SPACE.replace(", decoding: {temperature: 0.4}}", "}")
    assert load_space(text=decoding_only(only_shown)).seeds == ()
    kept = load_space(text=decoding_only(SPACE)).seeds
    assert [dict(seed.decoding) for seed in kept] == [{"temperature": 0.4}]


def test_a_restricted_space_keeps_these_grids_and_what_lies_on_them() -> None:
    """A bias draws a seed's line, so without it the seed goes; a setting it loses is lost alone."""
    space = content(
        SPACE
        + "  - {name: line, slots: {tone: calm}, logit_bias: {I: -1.0}}\n"
        + "logit_bias: {I: [-1.0]}\ntokens: {I: 7}\n"
    )
    cut = load_space(text=written(restricted(space, {"temperature": [0.0]}, {})))
    assert dict(cut.grids) == {"temperature": (0.0,)}
    assert not cut.tokens
    assert [(seed.name, seed.decoding) for seed in cut.seeds] == [("one", {})]
    whole_again = restricted(space, space["decoding"], space["logit_bias"])
    assert load_space(text=written(whole_again)) == load_space(text=written(space))
