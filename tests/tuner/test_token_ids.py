"""A space gets the ids of one model's tokens, or goes without biases."""

from __future__ import annotations

import pytest

from proxy.backends.config import LlamaCppConfig, OpenAIConfig
from proxy.backends.local_tokens import token_ids
from proxy.errors import ModelLoadError, SpaceError
from tests.tuner.toy import SPACE
from tuner.space import load_space
from tuner.subspace import Part
from tuner.token_ids import identified

LOCAL = LlamaCppConfig(name="here", path="embedded")
REMOTE = OpenAIConfig(name="there", base_url="http://127.0.0.1:9/v1")

BIASED = SPACE.replace("seeds:", "logit_bias: {I: [-2.0, -1.0]}\nseeds:") + (
    "  - {name: line, demonstrations: [safe-one], logit_bias: {I: -1.0}}\n"
)


def test_a_local_model_says_its_tokens() -> None:
    """Everything else in the file stays."""
    found = identified(BIASED, LOCAL)
    assert not found.note
    before, space = load_space(text=BIASED), load_space(text=found.text)
    assert space.tokens == token_ids(LOCAL, ["I"])
    assert space.model_copy(update={"tokens": {}}) == before


@pytest.mark.parametrize("model", [LOCAL, REMOTE], ids=["local", "remote"])
def test_without_ids_biases_go_and_so_do_the_seeds_that_need_them(
    model: LlamaCppConfig | OpenAIConfig,
) -> None:
    """A seed without its line would decline whatever it likes."""
    found = identified(BIASED.replace("I:", "I am sorry:"), model)
    assert '"I am sorry"' in found.note
    assert model.name in found.note
    space = load_space(text=found.text)
    assert not space.logit_bias
    assert [seed.name for seed in space.seeds] == ["one"]
    assert space.demonstrations == load_space(text=BIASED).demonstrations


def test_a_known_token_keeps_its_bias_beside_an_unknown_one() -> None:
    """Only seeds that need the unknown one go."""
    two = BIASED.replace("logit_bias: {I: [-2.0, -1.0]}", "logit_bias: {I: [-1.0], I am: [1.0]}")
    seeds = "  - {name: both, logit_bias: {I: -1.0, I am: 1.0}}\n"
    found = identified(two + seeds, LOCAL)
    space = load_space(text=found.text)
    assert list(space.logit_bias) == ["I"]
    assert [seed.name for seed in space.seeds] == ["one", "line"]
    assert "has no single token" in found.note
    assert "tokens:" not in found.note
    assert "tokens:" in identified(two, REMOTE).note


def test_a_servers_tokens_are_those_that_the_file_gives() -> None:
    """Nothing of its vocabulary can be seen."""
    found = identified(BIASED + "tokens: {I: 40}\n", REMOTE)
    assert load_space(text=found.text).tokens == {"I": 40}


def test_a_token_that_yaml_takes_for_a_truth_value_stays_a_text() -> None:
    """Many refusals begin with it."""
    space = load_space(text=identified(BIASED.replace("I:", "No:"), LOCAL).text)
    assert list(space.logit_bias) == list(space.tokens) == ["No"]
    assert space.seeds[1].logit_bias == {"No": -1.0}


def test_an_id_of_another_model_is_refused() -> None:
    """It would bias a token at random."""
    with pytest.raises(SpaceError, match=r"tokens\.I: 1 is another token of here; .* is \d+\."):
        identified(BIASED + "tokens: {I: 1}\n", LOCAL)
    with pytest.raises(SpaceError, match=r"its id there is none\."):
        identified(BIASED.replace("I:", "I am:") + "tokens: {I am: 1}\n", LOCAL)


def test_a_space_without_biases_needs_no_model() -> None:
    """Nor is its file read."""
    nowhere = LlamaCppConfig(name="gone", path="/nowhere.gguf")
    assert identified(SPACE, nowhere) == Part(SPACE)
    with pytest.raises(ModelLoadError, match=r"/nowhere\.gguf"):
        identified(BIASED, nowhere)
