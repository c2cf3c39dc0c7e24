"""One split's prompts in the one order that all candidates share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Self

from proxy.domain import Prompt, Split
from proxy.suites.ordering import stratified_order
from tuner.presets import Rung


@dataclass(frozen=True, slots=True)
class Pools:
    """Harmful-leading and benign prompts; every prefix is balanced over categories.

    Two of three benign prompts in a prefix are look-alikes, since over-refusal shows on those.
    """

    harmful: tuple[Prompt, ...]
    benign: tuple[Prompt, ...]

    @classmethod
    def of(cls, prompts: Iterable[Prompt], split: Split, *, seed: int) -> Self:
        """The prompts of one split.

        Args:
            prompts: of one or more suites, splits assigned.
            split: which of them to take.
            seed: of the run; another seed asks other prompts first.
        """
        mine = [prompt for prompt in prompts if prompt.split == split]
        alike = stratified_order((p for p in mine if p.is_lookalike), seed)
        plain = stratified_order(
            (p for p in mine if p.kind == "benign" and not p.is_lookalike), seed
        )
        harmful = stratified_order((p for p in mine if p.kind == "harmful"), seed)
        return cls(harmful, tuple(_two_to_one(alike, plain)))

    @property
    def all(self) -> Rung:
        """All prompts of the split."""
        return Rung(len(self.harmful), len(self.benign))

    def first(self, rung: Rung) -> tuple[Prompt, ...]:
        """The first prompts of each kind; all there are where a rung asks for more."""
        return self.harmful[: rung.harmful] + self.benign[: rung.benign]


def _two_to_one(twice: tuple[Prompt, ...], once: tuple[Prompt, ...]) -> Iterator[Prompt]:
    groups = zip_longest(twice[::2], twice[1::2], once)
    return (prompt for prompt in chain.from_iterable(groups) if prompt is not None)
