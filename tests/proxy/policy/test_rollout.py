"""What steps come to: the last one that was not withdrawn holds."""

from __future__ import annotations

import msgspec
import pytest

from proxy.policy.rollout import Entry, Step, decisions, since_retry, superseded
from proxy.policy.schema import Policy
from tests.proxy.policy.rollout_steps import figures, step


def _policy(name: str, temperature: float = 0.5) -> Policy:
    return Policy.model_validate(
        {"schema": 1, "name": name, "decoding": {"temperature": temperature}}
    )


@pytest.mark.parametrize(
    ("steps", "held"),
    [
        ((), None),
        (("hold",), None),
        (("promote",), "promote"),
        (("promote", "rollback"), "rollback"),
        (("rollback", "hold"), "rollback"),
        (("rollback", "retry"), None),
        (("rollback", "retry", "promote"), "promote"),
    ],
)
def test_last_decision_holds_until_it_is_withdrawn(
    steps: tuple[Step, ...], held: Step | None
) -> None:
    """A look that decides nothing changes nothing."""
    policy = _policy("a")
    found = decisions(step(kind, policy) for kind in steps)
    assert [entry.step for entry in found.values()] == ([] if held is None else [held])


def test_decision_is_about_one_version() -> None:
    """Whoever edits the file makes another one, which nobody has decided about."""
    old, new = _policy("a", 0.1), _policy("a", 0.2)
    assert decisions([step("rollback", old)]).keys() == {old.ref}
    assert new.ref not in decisions([step("rollback", old)])


def test_steps_before_a_retry_are_over() -> None:
    """And other versions' steps are none of this one's."""
    policy, other = _policy("a"), _policy("b")
    steps = [
        step("hold", policy),
        step("retry", policy),
        step("hold", other),
        step("hold", policy, minute=3),
    ]
    assert since_retry(steps, policy.ref) == steps[3:]


def _look(kind: Step, *, model: str = "m", old: str = "base@1", judge: str | None = None) -> Entry:
    both = {"harmful": figures(), "over_refusal": figures()}
    entry = step(kind, _policy("a"))
    return msgspec.structs.replace(entry, figures=both, model=model, old=old, judge=judge)


def test_look_that_a_newer_one_says_all_of_is_superseded() -> None:
    """One that decided something is not, nor one of another comparison or judge."""
    hold = _look("hold")
    retry = step("retry", _policy("a"))
    assert superseded([hold, hold, None, hold]) == {0, 1}
    assert superseded([hold, _look("promote"), retry, hold]) == {0}
    assert superseded([_look("hold", model="n"), _look("hold", old="base@2"), hold]) == set()
    one, other = _look("hold", judge="stub-1"), _look("hold", judge="stub-2")
    assert superseded([one, other, one, other]) == {0, 1}
    assert superseded([hold, retry]) == set()
    assert superseded([step("hold", _policy("a")), hold]) == set()


def test_pairs_without_verdicts_are_not_in_n() -> None:
    """They have no outcome."""
    assert figures(n=7).n == 7
