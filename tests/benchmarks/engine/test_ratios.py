import pytest

from benchmarks.engine.measures import Figures
from benchmarks.engine.plan import WORKLOADS
from benchmarks.engine.ratios import DEFINITIONS, Definition, Ratio, ratios


def _figures(speed: float, **extra: float) -> Figures:
    return Figures(1.0, 64, 100, 0, speed, (1.0, 1.0), (1.0, 1.0), 100.0, extra)


def _speed(one: Figures) -> float:
    return one.tokens_per_s


def test_a_ratio_is_the_median_of_each_repeats_own() -> None:
    """Not the ratio of medians: a repeat's two sides ran side by side."""
    runs = {
        "a/x": {0: _figures(100), 1: _figures(10), 2: _figures(30)},
        "a/y": {0: _figures(50), 1: _figures(10), 2: _figures(10)},
    }

    ratio = Definition("a/x", "a/y", _speed, 1.5).of(runs)

    assert ratio == Ratio(2.0, 1.0, 3.0, 3, 1.5)
    assert ratio.is_met


def test_a_repeat_in_which_one_side_failed_does_not_count() -> None:
    """Only pairs compare."""
    runs = {"a/x": {0: _figures(100), 1: _figures(10)}, "a/y": {1: _figures(10)}}

    ratio = Definition("a/x", "a/y", _speed).of(runs)

    assert ratio is not None
    assert (ratio.value, ratio.n) == (1.0, 1)


def test_a_ratio_without_the_other_side_is_none() -> None:
    """The native server may not be installable."""
    assert Definition("a/x", "a/y", _speed).of({"a/x": {0: _figures(1)}}) is None


@pytest.mark.parametrize(
    ("value", "is_at_most", "is_met"),
    [(2.9, True, True), (3.1, True, False), (3.1, False, True), (2.9, False, False)],
)
def test_a_target_is_a_lower_or_an_upper_limit(
    *, value: float, is_at_most: bool, is_met: bool
) -> None:
    """Latency must not exceed its target, speed must reach it."""
    assert Ratio(value, value, value, 1, 3.0, is_at_most).is_met is is_met


def test_a_ratio_without_a_target_is_neither_met_nor_missed() -> None:
    """It is reported, and that is all."""
    assert Ratio(1.0, 1.0, 1.0, 1).is_met is None


def test_a_row_says_what_was_asked_and_what_came_of_it() -> None:
    """With the spread of the repeats and their number."""
    one = Ratio(1.25, 1.0, 1.5, 3, 2.0)
    assert one.row("speed") == "| `speed` | 1.250 [1.000, 1.500] | 3 | ≥ 2 | **missed** |"
    assert Ratio(1.0, 1.0, 1.0, 1).row("x") == "| `x` | 1.000 [1.000, 1.000] | 1 |  |  |"


def test_shares_are_of_the_steps_time() -> None:
    """Python, sampler and decode add up to the steps."""
    extra = {"steps_s": 10.0, "python_s": 0.5, "sampler_s": 1.0, "decode_s": 8.5}
    runs = {"16 own, profiled/guardtune_profiled": {0: _figures(1, **extra)}}

    found = ratios(runs)

    assert found["python_share_of_step"].value == 0.05
    assert found["sampler_share_of_step"].value == 0.1


@pytest.mark.parametrize("name", DEFINITIONS)
def test_every_ratio_compares_what_is_run(name: str) -> None:
    """A definition that names an unknown side would silently never be computed."""
    sides = {f"{one.name}/{contender}" for one in WORKLOADS for contender in one.contenders}
    definition = DEFINITIONS[name]

    assert {definition.left, definition.right or definition.left} <= sides
