"""What is known of any loaded set, of prompts or of questions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class LoadedSet(Generic[Item]):
    """A set as loaded; iterates over its items.

    Args:
        id: the name in the specification, such as ``catqa-en``; ``a+b`` for a combination.
        items: in file order, none twice.
        sha256: 64 hex digits, of the file's bytes, followed by those of its answers file if any.
        licence: what the source says; ``unknown`` where it says nothing.
        source: where the set comes from.
        n_rows: rows found, exact repeats included.
        published_n: rows of the set as published; None where there is no such number.
    """

    id: str
    items: tuple[Item, ...]
    sha256: str
    licence: str
    source: str
    n_rows: int
    published_n: int | None = None

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def is_partial(self) -> bool:
        """Whether rows are missing, so that no figure on it may be called the set's own."""
        return self.published_n is not None and self.n_rows < self.published_n

    @property
    def headline_refusal(self) -> str | None:
        """Why a figure on it is not the set's own, for reports; None for a complete set."""
        if not self.is_partial:
            return None
        return (
            f"{self.n_rows} of the {self.published_n} published rows of {self.id} are here: "
            "a figure on them is not the suite's, and is not comparable with published ones."
        )

    @property
    def n_repeated(self) -> int:
        """Rows left out because the same text stands in an earlier one."""
        return self.n_rows - len(self.items)
