"""The search space: what the default library holds, and what is said of a wrong file."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.errors import SpaceError
from proxy.suites.builtin import load_builtin
from proxy.suites.loaders import load_suite
from proxy.suites.overlap import NgramIndex
from tests.proxy.suites.public_sets import CATQA, XSTEST, needs_data
from tests.tuner.toy import SPACE
from tuner.space import DEFAULT_SPACE, load_space


def test_default_library_is_rich_in_demonstrations() -> None:
    """The strongest lever measured: a dozen of each kind, over many categories."""
    space = load_space()
    safe = [example for example in space.demonstrations if example.kind == "safe"]
    benign = [example for example in space.demonstrations if example.kind == "benign"]
    assert len(safe) >= 12
    assert len(benign) >= 12
    assert len({example.category for example in safe}) >= 10
    assert list(space.slots) == [
        "role", "stance", "refusal", "redirect", "benign", "format", "tone",
    ]  # fmt: skip


def test_default_answers_fit_into_the_presets_answers() -> None:
    """A model that copies a demonstration's length must be able to end: within 64 or 96 tokens."""
    for example in load_space().demonstrations:
        most = 55 if example.id.startswith(("long-", "to-")) else 30
        assert len(example.assistant.split()) <= most, example.id


def test_default_library_quotes_no_prompt_of_the_builtin_suite() -> None:
    """A library that held the prompts it is measured on would measure nothing."""
    index = NgramIndex(load_builtin())
    assert {text: index.shared(text) for text in load_space().texts() if index.shared(text)} == {}


@needs_data
@pytest.mark.parametrize(
    "spec",
    [f"catqa-en:{CATQA / 'catqa_english.json'}", f"xstest:{XSTEST}"],
    ids=["catqa", "xstest"],
)
def test_default_library_quotes_no_prompt_of_the_public_suites(spec: str) -> None:
    """The same for the suites that users measure on."""
    index = NgramIndex(load_suite(spec))
    assert {text: index.shared(text) for text in load_space().texts() if index.shared(text)} == {}


def test_a_window_needs_a_penalty_that_looks_through_it() -> None:
    """Otherwise its gene could never be set, and nobody would know."""
    text = "schema: 1\ndecoding:\n  temperature: [0.2]\n  repeat_last_n: [32, 96]\n"
    with pytest.raises(SpaceError, match=r"mine\.yaml:4: decoding\.repeat_last_n: no penalty"):
        load_space(Path("mine.yaml"), text=text)


def test_all_mistakes_are_reported_at_once_each_with_its_line() -> None:
    """A user mends a file once."""
    text = (
        "schema: 1\n"
        "slotz: {}\n"
        "max_demonstrations: 99\n"
        "slots: {role: [{id: a, text: x}, {id: a, text: y}], tone: []}\n"
        "demonstrations:\n"
        "  - {id: Bad, kind: harmless, category: cooking, user: x}\n"
        "decoding:\n"
        "  temperature: [1.0, 0.5]\n"
        "  top_k: [2.5]\n"
        "  top_q: [0.5]\n"
        "  repeat_penalty: [9.0]\n"
    )
    with pytest.raises(SpaceError) as caught:
        load_space(Path("mine.yaml"), text=text)
    assert [str(problem).split(": ")[:2] for problem in caught.value.problems] == [
        ["mine.yaml:2", "slotz"],
        ["mine.yaml:3", "max_demonstrations"],
        ["mine.yaml:4", "slots.role"],
        ["mine.yaml:4", "slots.tone"],
        ["mine.yaml:6", "demonstrations[0].assistant"],
        ["mine.yaml:6", "demonstrations[0].category"],
        ["mine.yaml:6", "demonstrations[0].id"],
        ["mine.yaml:6", "demonstrations[0].kind"],
        ["mine.yaml:8", "decoding.temperature"],
        ["mine.yaml:9", "decoding.top_k[0]"],
        ["mine.yaml:10", "decoding.top_q"],
        ["mine.yaml:11", "decoding.repeat_penalty"],
    ]
    assert "Did you mean `slots`?" in str(caught.value)
    assert "Did you mean `top_p`?" in str(caught.value)


def test_seeds_that_refer_to_nothing_are_all_reported() -> None:
    """Slots, demonstrations and grid values that are not there."""
    seeds = (
        "  - {name: lost, slots: {stance: nowhere}, demonstrations: [ghost],"
        " decoding: {temperature: 0.33}}\n"
    )
    with pytest.raises(SpaceError) as caught:
        load_space(text=SPACE + seeds)
    assert [problem.path for problem in caught.value.problems] == [
        "seeds[1].slots.stance", "seeds[1].demonstrations[0]", "seeds[1].decoding.temperature",
    ]  # fmt: skip


BIASED = SPACE.replace("seeds:", 'logit_bias: {I: [-2.0, -1.0], " I": [1.0]}\nseeds:')
"""The toy space with biases on two tokens, of which no id is known."""


def test_biases_are_grids_beside_the_settings() -> None:
    """Each token has its own; a leading blank makes another token."""
    space = load_space(text=BIASED)
    assert list(space.grids)[-2:] == ['logit_bias["I"]', 'logit_bias[" I"]']
    assert space.grids['logit_bias["I"]'] == (-2.0, -1.0)


def test_mistakes_in_biases_are_reported() -> None:
    """A value off the grid, a token that nothing biases, a ban in disguise."""
    seeds = "  - {name: far, logit_bias: {I: -3.0, You: 1.0}}\ntokens: {We: 5}\n"
    with pytest.raises(SpaceError) as caught:
        load_space(text=BIASED + seeds)
    assert [problem.path for problem in caught.value.problems] == [
        "tokens.We", "seeds[1].logit_bias.I", "seeds[1].logit_bias.You",
    ]  # fmt: skip
    with pytest.raises(SpaceError, match=r"-100 is outside -20 to 20"):
        load_space(text=BIASED.replace("-2.0", "-100.0"))


def test_a_missing_file_is_a_space_error(tmp_path: Path) -> None:
    """Named as the user typed it."""
    with pytest.raises(SpaceError, match=r"nowhere\.yaml"):
        load_space(tmp_path / "nowhere.yaml")


def test_default_file_is_the_one_that_is_shipped() -> None:
    """It lies in the package, so that the wheel has it."""
    assert DEFAULT_SPACE.is_file()
