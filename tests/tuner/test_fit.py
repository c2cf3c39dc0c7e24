"""A space goes without what the model that is to answer would ignore."""

from __future__ import annotations

import pytest

from proxy.backends.config import LlamaCppConfig, OpenAIConfig
from proxy.backends.flavours import LLAMA_CPP_NAMES, capabilities
from proxy.domain import Capabilities
from proxy.errors import SpaceError
from tests.tuner.test_token_ids import BIASED, LOCAL, REMOTE
from tests.tuner.toy import SPACE
from tuner.fit import fitted
from tuner.space import DEFAULT_SPACE, load_space
from tuner.subspace import Part, decoding_only

EVERYTHING = Capabilities(settings={name: name for name in LLAMA_CPP_NAMES})
OPENAI = capabilities("openai")


def test_what_a_server_ignores_is_not_searched() -> None:
    """Candidates that differ in it alone would be one, answered twice."""
    found = fitted(SPACE, REMOTE, OPENAI)
    assert "since there would ignore it: top_k, repeat_penalty.\n" in found.note
    assert "`flavour` in a --config" in found.note
    space, before = load_space(text=found.text), load_space(text=SPACE)
    assert list(space.grids) == ["temperature", "top_p"]
    assert (space.slots, space.demonstrations, space.seeds) == (
        before.slots, before.demonstrations, before.seeds,
    )  # fmt: skip


def test_what_honours_everything_gets_the_file_as_it_is() -> None:
    """To the byte, so that a run's record does not change."""
    assert fitted(SPACE, REMOTE, EVERYTHING) == Part(SPACE)


def test_a_value_out_of_range_is_not_searched() -> None:
    """It would be moved to the range's end."""
    cold = Capabilities(settings=EVERYTHING.settings, ranges={"temperature": (0.0, 1.0)})
    found = fitted(SPACE, REMOTE, cold)
    assert found.note == "temperature is not searched at 1.2, which there does not take."
    assert load_space(text=found.text).grids["temperature"] == (0.0, 0.4, 0.8)


def test_seeds_lose_what_is_ignored_and_stay_apart() -> None:
    """One that says nothing else goes, and so does one that says the same as another then."""
    more = (
        "  - {name: same, demonstrations: [safe-one, fine-one], "
        "decoding: {temperature: 0.4, top_k: 5}}\n"
        "  - {name: none, decoding: {repeat_penalty: 0.8}}\n"
        "  - {name: left, slots: {tone: calm}, decoding: {repeat_penalty: 0.8}}\n"
    )
    seeds = load_space(text=fitted(SPACE + more, REMOTE, OPENAI).text).seeds
    assert [seed.name for seed in seeds] == ["one", "left"]
    assert not seeds[1].decoding


def test_biases_go_where_the_server_takes_none() -> None:
    """Whether their ids are known or not; the seeds that draw their line with them go, too."""
    found = fitted(BIASED + "tokens: {I: 40}\n", REMOTE, capabilities("ollama"))
    assert found.note.endswith("there takes no logit_bias.")
    space = load_space(text=found.text)
    assert not space.logit_bias
    assert not space.tokens
    assert [seed.name for seed in space.seeds] == ["one"]


def test_both_kinds_of_loss_are_told() -> None:
    """Of settings that are ignored, and of tokens that cannot be seen."""
    note = fitted(BIASED, REMOTE, OPENAI).note
    assert "top_k" in note
    assert 'Biases on "I" are not searched' in note


def test_a_window_goes_with_the_penalties_that_look_through_it() -> None:
    """Else the space would be refused for a setting that the user has not asked for."""
    windowed = SPACE.replace("seeds:", "  repeat_last_n: [32, 64]\nseeds:")
    settings = {name: name for name in EVERYTHING.settings if name != "repeat_penalty"}
    found = fitted(windowed, REMOTE, Capabilities(settings=settings))
    assert "repeat_last_n" not in load_space(text=found.text).grids
    assert "repeat_last_n is not searched, since no penalty is" in found.note


def test_where_nothing_is_left_the_run_is_refused() -> None:
    """And says why."""
    with pytest.raises(SpaceError, match=r"nothing is left to search\.\s+.*ignore it: temperature"):
        fitted(decoding_only(SPACE), REMOTE, Capabilities(settings={}))


def test_a_space_may_forbid_demonstrations_and_leave_a_grid_empty() -> None:
    """Zero is a number, and an empty grid none."""
    text = SPACE.replace("max_demonstrations: 4", "max_demonstrations: 0")
    text = text.replace("[safe-one, fine-one]", "[]").replace("  top_k: [5, 40]", "  top_k:")
    for honours in (EVERYTHING, OPENAI):
        space = load_space(text=fitted(text, REMOTE, honours).text)
        assert space.max_demonstrations == 0
        assert "top_k" not in space.grids


@pytest.mark.parametrize("model", [LOCAL, REMOTE], ids=["local", "remote"])
def test_the_library_fits_every_model(model: LlamaCppConfig | OpenAIConfig) -> None:
    """Whatever it has to leave out."""
    library = DEFAULT_SPACE.read_text(encoding="utf-8")
    for honours in (EVERYTHING, OPENAI, capabilities("vllm"), capabilities("tgi")):
        space = load_space(text=fitted(library, model, honours).text)
        assert space.demonstrations == load_space().demonstrations
        assert space.max_demonstrations == load_space().max_demonstrations
