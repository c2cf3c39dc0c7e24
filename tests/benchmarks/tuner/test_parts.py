"""Each seed's part of a table, and each algorithm's."""

from __future__ import annotations

import pytest

from benchmarks.tuner.configurations import configurations
from benchmarks.tuner.noisy import SPACE_TEXT
from benchmarks.tuner.parts import drawn, open_to, part_of
from benchmarks.tuner.table import Header, Row, Table
from tuner.algorithms import ALGORITHMS
from tuner.space import load_space

SPACE = load_space(text=SPACE_TEXT)
HEADER = Header(
    model=("m", ""), judge="j", suite=("s", ""), space=SPACE_TEXT, seed=1, max_tokens=8, prompts=()
)
WHOLE = Table(HEADER, tuple(Row(genome, ()) for genome in configurations(SPACE, 91, seed=1)))


def test_each_seed_has_two_thirds_of_each_part() -> None:
    """The base policy first, and another choice for another seed."""
    one, same, other = (drawn(WHOLE, seed) for seed in (1, 1, 2))
    assert one == same
    assert set(one.rows) != set(other.rows)
    assert one.rows[0] == other.rows[0] == WHOLE.rows[0]
    assert len(one.rows) == len(set(one.rows)) == pytest.approx(61, abs=2)
    for part in ((True, True), (True, False), (False, True)):
        counts = [sum(part_of(row.genome) == part for row in table.rows) for table in (WHOLE, one)]
        assert counts[1] == pytest.approx(2 * counts[0] / 3, abs=1)


def test_a_part_of_the_space_has_its_part_of_the_table() -> None:
    """And the base policy, to which all of them are compared."""
    for name, part in (("prompt-only", (True, False)), ("decoding-only", (False, True))):
        _, rows = open_to(ALGORITHMS[name], WHOLE)
        assert {part_of(row.genome) for row in rows.values()} == {part, (False, False)}
