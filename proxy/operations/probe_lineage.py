"""Which version took over from which, and what changed by that."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from proxy.operations.probe_report import Change, Outcomes, compare
from proxy.operations.target import TargetKey


class Lineage:
    """Remembers for each live version the one before it, and the answers of both."""

    def __init__(self) -> None:
        self._before: dict[TargetKey, TargetKey] = {}
        self._outcomes: dict[TargetKey, tuple[int, Outcomes]] = {}

    def moved(self, old: Collection[TargetKey], new: Collection[TargetKey]) -> None:
        """Take over what is live, and let go of what no live version is compared with.

        A version takes over from its own former self, else from one that left, else, as a canary
        does, from one that stays.

        Args:
            old: what was live.
            new: what is live now.
        """
        for key in new:
            others = [other for other in old if other[0] == key[0] and other != key]
            if key not in old and others:
                self._before[key] = min(
                    others, key=lambda other: (other[1].name != key[1].name, other in new)
                )
        self._before = {key: before for key, before in self._before.items() if key in new}
        self._outcomes = {
            key: kept for key, kept in self._outcomes.items() if key in new or self.needs(key)
        }

    def needs(self, key: TargetKey) -> bool:
        """Whether a live version is compared with this one, or this one with another."""
        return key in self._before or key in self._before.values()

    def answered(self, key: TargetKey, number: int, outcomes: Outcomes) -> None:
        """Keep a version's answers in a round, instead of those in the round before."""
        self._outcomes[key] = number, outcomes

    def answered_in_part(self, key: TargetKey, number: int, outcomes: Outcomes) -> None:
        """Keep what there is of a round that will not end, unless a whole one is known."""
        self._outcomes.setdefault(key, (number, outcomes))

    def last_round_before(self, key: TargetKey) -> int | None:
        """The round that the version before this one answered last."""
        before = self._before.get(key)
        return None if before not in self._outcomes else self._outcomes[before][0]

    def changes(self, key: TargetKey) -> Iterator[tuple[TargetKey, Change]]:
        """Compare this version with the one before it and those after it, where one can.

        Two rounds have other prompts and seeds, so only answers of one round are compared.
        """
        for now, before in self._before.items():
            if key not in (now, before) or not {now, before} <= self._outcomes.keys():
                continue
            (round_now, latest), (round_before, former) = (
                self._outcomes[now],
                self._outcomes[before],
            )
            if round_now == round_before:
                yield now, compare(latest, former, since=before[1])
