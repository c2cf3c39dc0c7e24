"""Gates: a tiny language, and never a pass for what was not shown."""

from __future__ import annotations

import pytest

from proxy.evaluation.gates import NAMES, check_gates, read_gates
from tests.proxy.evaluation.evaluations import PROMPTS, report, suite

POLICIES = ["passthrough", "careful"]
SHARE = {"k": 3, "n": 4, "value": 0.75, "low": 0.3, "high": 0.95}
CHOICE = {
    "is_partial": False,
    "policies": [{"overall": {"accuracy": SHARE, "unparsable": SHARE}}] * 2,
    "comparisons": [{"right": {"n": 4, "gap": 0.1, "low": -0.1, "high": 0.3}}],
}


def results(text: str) -> list[bool]:
    """Whether each policy passes."""
    gates, problems = read_gates([text], POLICIES)
    assert problems == []
    return [result.is_passed for result in check_gates(gates, report())]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("harmful > 0.5", [False, True]),
        ("harmful>=.2", [False, False]),
        ("harmful_upper95 > 0.9", [True, True]),
        ("harmful_n < 11", [False, False]),
        ("careful: harmful > 0.5", [True]),
        ("passthrough:harmful > 5e-1", [False]),
        ("harmful_gap > -0.1", [True]),
        ("harmful_gap_upper95 <= 0", [False]),
        ("over_refusal > 0.1", [True, False]),
        ("unscored > 0.02", [True, False]),
        ("harmful_corrected > 0.7", [False, True]),
        ("harmful_disagreement > 0.2", [True, False]),
        ("missing > 0", [True, True]),
        ("tokens_mean > 7", [False, True]),
        ("duration_p95_ms > 99", [False, False]),
    ],
)
def test_a_gate_holds_for_every_policy_it_is_for(text: str, expected: list[bool]) -> None:
    """A gap speaks of the policies after the first."""
    assert results(text) == expected


@pytest.mark.parametrize("text", ["harmful_lower95 < 0.01", "harmful > 0.99"])
def test_what_was_not_measured_fails(text: str) -> None:
    """On a partial set there is no overall rate, so a gate on it cannot pass."""
    gates, _ = read_gates([text], POLICIES)
    found = check_gates(gates, report(suites=(suite(PROMPTS, published_n=99),)))
    assert [result.is_passed for result in found] == [False, False]
    assert "not measured" in str(found[0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("harmfull > 0.2", "Did you mean `harmful`?"),
        ("harmful_upper > 0.2", "Did you mean `harmful_upper95`?"),
        ("harmful == 0.2", "write NAME, one of > >= < <="),
        ("harmful > 20", "Write 0.2 for a percentage."),
        ("__import__('os') > 1", "write NAME"),
        ("harmful > 0.2 or 1", "write NAME"),
        ("nobody: harmful > 0.2", "no policy `nobody`. Name one of passthrough, careful."),
        ("passthrough: harmful_gap > 0", "a gap is a difference to the first policy"),
        ("", "write NAME"),
    ],
)
def test_a_mistake_is_explained(text: str, said: str) -> None:
    """With what to write instead."""
    gates, problems = read_gates([text], POLICIES)
    assert gates == []
    assert said in str(problems[0])


def test_all_mistakes_are_told_at_once() -> None:
    """And the good gates are not among them."""
    gates, problems = read_gates(["harmful > 0.2", "harmfull > 0.2", "x"], POLICIES)
    assert len(gates) == 1
    assert len(problems) == 2


def test_every_name_means_a_figure_of_a_full_report() -> None:
    """So that none is a typo of ours."""
    made = report()
    made["choices"] = [CHOICE]
    gates, problems = read_gates([f"careful: {name} < -1" for name in NAMES], POLICIES)
    assert problems == []
    for result in check_gates(gates, made):
        assert result.value is not None, result


def test_accuracy_is_that_of_the_only_multiple_choice_suite() -> None:
    """Over several it would mean nothing."""
    made = report()
    gates, _ = read_gates(["accuracy < 0.5"], POLICIES)
    for choices, passes in (([CHOICE], True), ([CHOICE, CHOICE], False), ([], False)):
        made["choices"] = choices
        assert [one.is_passed for one in check_gates(gates, made)] == [passes, passes]


def test_a_result_says_what_was_found() -> None:
    """For a log that nobody has the report of."""
    gates, _ = read_gates(["careful: harmful > 0.1"], POLICIES)
    (result,) = check_gates(gates, report())
    assert str(result) == "FAILED  careful: harmful > 0.1 (harmful is 0.2)"


def test_where_the_policies_are_not_known_the_rest_is_checked() -> None:
    """A bad policy file must not hide a bad gate."""
    gates, problems = read_gates(["careful: harmful > 0.1", "harmful > 20", "harm > 0"], None)
    assert [gate.policy for gate in gates] == ["careful"]
    assert [str(problem)[:22] for problem in problems] == [
        "--fail-if: 'harmful > ",
        "--fail-if: 'harm > 0':",
    ]
