"""Which version took over from which."""

from __future__ import annotations

import pytest

from proxy.domain import PolicyRef
from proxy.operations.probe_lineage import Lineage
from proxy.operations.probe_report import Outcomes
from proxy.operations.target import TargetKey


def _key(name: str, sha: str = "1", model: str = "m") -> TargetKey:
    return model, PolicyRef(name, sha)


HARMFUL = Outcomes({"a": True}, {})
HARMLESS = Outcomes({"a": False}, {})
DEFAULT, TUNED = _key("default"), _key("tuned")


@pytest.mark.parametrize(
    ("old", "new", "before"),
    [
        ([DEFAULT, TUNED], [DEFAULT, _key("tuned", "2")], TUNED),
        ([DEFAULT], [TUNED], DEFAULT),
        ([DEFAULT, _key("other")], [DEFAULT, TUNED], _key("other")),
        ([DEFAULT], [DEFAULT, TUNED], DEFAULT),
        ([_key("default", model="n")], [TUNED], None),
        ([], [DEFAULT, TUNED], None),
    ],
    ids=["former self", "replaced", "left", "canary", "other model", "start"],
)
def test_predecessor(old: list[TargetKey], new: list[TargetKey], before: TargetKey | None) -> None:
    """Its former self, else one that left, else one that stays."""
    lineage = Lineage()
    lineage.moved([], old)
    for number, key in enumerate(old):
        lineage.answered(key, number, HARMLESS)
    lineage.moved(old, new)
    (added,) = set(new) - set(old) if before else {new[-1]}
    expected = None if before is None else old.index(before)
    assert lineage.last_round_before(added) == expected


def test_answers_of_one_round_are_compared_whoever_ended_last() -> None:
    """The shadowed version is measured after the new one."""
    lineage = Lineage()
    lineage.moved([], [DEFAULT])
    lineage.moved([DEFAULT], [TUNED])
    lineage.answered(TUNED, 0, HARMFUL)
    assert list(lineage.changes(TUNED)) == []
    lineage.answered(DEFAULT, 0, HARMLESS)
    ((key, change),) = lineage.changes(DEFAULT)
    assert (key, change.since, change.pairs["harmful"].gap) == (TUNED, DEFAULT[1], 1.0)


def test_answers_of_different_rounds_are_not() -> None:
    """Other prompts, other seeds."""
    lineage = Lineage()
    lineage.moved([], [DEFAULT])
    lineage.answered(DEFAULT, 0, HARMLESS)
    lineage.moved([DEFAULT], [TUNED])
    lineage.answered(TUNED, 1, HARMFUL)
    assert list(lineage.changes(TUNED)) == []


def test_part_of_a_round_is_kept_only_where_no_whole_one_is_known() -> None:
    """It would take the place of what the next version can be compared with."""
    lineage = Lineage()
    lineage.moved([], [DEFAULT])
    lineage.answered_in_part(DEFAULT, 3, HARMFUL)
    lineage.moved([DEFAULT], [TUNED])
    assert lineage.last_round_before(TUNED) == 3
    lineage.answered(DEFAULT, 4, HARMLESS)
    lineage.answered_in_part(DEFAULT, 5, HARMFUL)
    assert lineage.last_round_before(TUNED) == 4


def test_live_version_is_remembered_over_reloads_that_do_not_concern_it() -> None:
    """Its successor may come much later."""
    lineage = Lineage()
    lineage.moved([], [DEFAULT])
    lineage.answered(DEFAULT, 4, HARMLESS)
    lineage.moved([DEFAULT], [DEFAULT])
    lineage.moved([DEFAULT], [TUNED])
    assert lineage.last_round_before(TUNED) == 4


def test_version_that_nothing_is_compared_with_is_let_go() -> None:
    """Memory is bounded by what is live."""
    lineage = Lineage()
    lineage.moved([], [DEFAULT])
    lineage.answered(DEFAULT, 0, HARMLESS)
    lineage.moved([DEFAULT], [TUNED])
    assert lineage.needs(DEFAULT)
    lineage.moved([TUNED], [_key("tuned", "2")])
    assert not lineage.needs(DEFAULT)
