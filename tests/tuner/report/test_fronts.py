"""Every policy's rates on each split, a second judge's beside them."""

from __future__ import annotations

import re
from typing import Any

from tests.tuner.report.conftest import cut, doubted
from tuner.report.document import as_document
from tuner.report.facts import Facts
from tuner.report.fronts import BY_SECOND, fronts


def rows(document: dict[str, Any]) -> list[list[str]]:
    """The table behind the charts, its head first."""
    page = str(fronts(document))
    found = re.findall(r"<tr>(.*?)</tr>", page, flags=re.DOTALL)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, flags=re.DOTALL) for row in found]


def column(document: dict[str, Any]) -> dict[str, list[str]]:
    """Split → what the second judge's cells say, in their order."""
    head, *body = rows(document)
    place = head.index(BY_SECOND)
    assert place == head.index("harmful rate") + 1
    said: dict[str, list[str]] = {}
    for row in body:
        assert len(row) == len(head)
        said.setdefault(row[1], []).append(row[place])
    return said


def test_the_second_judge_s_rate_stands_beside_the_first_s_where_it_has_read(
    facts: Facts, document: dict[str, Any]
) -> None:
    """On the test split; a finalist that it has not read is blank, and the search always is."""
    said = column(document)
    assert all(re.match(r"\d+/40 = ", cell) for cell in said["test"])
    assert set(said["validation"]) == {""}
    assert set(said["search, for ranking only"]) == {""}
    earlier = cut(facts, "test")
    said = column(as_document(earlier, second=doubted(earlier)))
    assert sum(bool(re.match(r"\d+/30 = ", cell)) for cell in said["validation"]) == 2


def test_without_a_second_judge_it_has_no_column(facts: Facts) -> None:
    """Nothing that reads like a rate of zero."""
    assert BY_SECOND not in rows(as_document(facts))[0]
