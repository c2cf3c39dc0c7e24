"""What may be called a set's own figure, and what not."""

from __future__ import annotations

import pytest

from proxy.suites.loaded_set import LoadedSet


def loaded(n_rows: int, published_n: int | None) -> LoadedSet[str]:
    """Two items out of so many rows."""
    return LoadedSet("s", ("a", "b"), "0" * 64, "MIT", "here", n_rows, published_n)


def test_it_iterates_over_its_items() -> None:
    """In their order; repeats are counted, not kept."""
    found = loaded(5, None)
    assert (list(found), len(found), found.n_repeated) == (["a", "b"], 2, 3)


@pytest.mark.parametrize(("published", "is_partial"), [(None, False), (3, False), (4, True)])
def test_rows_that_are_missing_are_said_to_be(published: int | None, *, is_partial: bool) -> None:
    """Only where somebody published how many there are."""
    found = loaded(3, published)
    assert found.is_partial is is_partial
    assert (found.headline_refusal is not None) is is_partial
    if is_partial:
        assert str(found.headline_refusal).startswith("3 of the 4 published rows of s are here")
