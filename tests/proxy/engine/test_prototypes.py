"""What is costly to make is made once, as long as it is used."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from proxy.engine.prototypes import Prototypes


class _Library:
    """Counts samplers: a clone is a tuple, a prototype a number."""

    def __init__(self) -> None:
        self.freed: list[object] = []

    def llama_sampler_clone(self, sampler: object) -> tuple[object]:
        """Not the thing itself."""
        return (sampler,)

    def llama_sampler_free(self, sampler: object) -> None:
        """Note it."""
        self.freed.append(sampler)


def _numbers() -> Callable[[], int]:
    numbers = count()
    return lambda: next(numbers)


def test_one_prototype_serves_all_who_ask_for_the_same() -> None:
    """They get clones, which are theirs to free."""
    prototypes, make = Prototypes(_Library()), _numbers()
    assert [prototypes.clone(key, make) for key in "aaba"] == [(0,), (0,), (1,), (0,)]


def test_the_one_that_was_not_used_for_longest_is_freed() -> None:
    """Ever new settings do not fill the memory."""
    library = _Library()
    prototypes, make = Prototypes(library, most=2), _numbers()
    assert [prototypes.clone(key, make) for key in "abac"] == [(0,), (1,), (0,), (2,)]
    assert library.freed == [1]
    assert prototypes.clone("a", make) == (0,)


def test_close_frees_all_once() -> None:
    """Whatever was cloned is not ours."""
    library = _Library()
    prototypes, make = Prototypes(library), _numbers()
    for key in "ab":
        prototypes.clone(key, make)
    prototypes.close()
    prototypes.close()
    assert sorted(map(str, library.freed)) == ["0", "1"]
