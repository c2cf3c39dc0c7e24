"""Ways to give a request its place: what it shares, what others may share then, and its cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from proxy.engine.prefixes import MIN_SHARED_TOKENS, Match, PrefixCache


class Wish(NamedTuple):
    """What a request needs.

    Args:
        tokens: what is to be computed: its prompt, and what it had said before it was paused.
        n_shared: tokens at the start that other requests are likely to share.
        n_cells: cells to reserve, as if nothing were shared.
    """

    tokens: Sequence[int]
    n_shared: int
    n_cells: int


class Plan(NamedTuple):
    """One way to place a request.

    Args:
        match: what it shares, or what its new prefix grows from.
        n_new_prefix: length of a shared prefix to be made for it and others; 0 for none.
        n_cells: cells that it needs, its new prefix included.
    """

    match: Match
    n_new_prefix: int
    n_cells: int

    @property
    def n_prefix(self) -> int:
        """How many tokens it will have from a prefix."""
        return self.n_new_prefix or self.match.n_tokens


def plans(wish: Wish, prefixes: PrefixCache) -> Iterator[Plan]:
    """Ways to place a request, the best first; the last one always fits into an idle engine."""
    match = prefixes.find(wish.tokens)
    if _is_worth_sharing(wish, match, prefixes):
        yield Plan(match, wish.n_shared, wish.n_cells)
    if match.prefix is not None:
        yield Plan(match, 0, wish.n_cells - match.n_tokens)
    yield Plan(Match(None, 0), 0, wish.n_cells)


def _is_worth_sharing(wish: Wish, match: Match, prefixes: PrefixCache) -> bool:
    """Whether others will gain from a longer shared prefix.

    What a conversation adds after its last turn is nobody else's, unless several answers to this
    very prompt are wanted: then all of it but the last token is shared.
    """
    is_gain = wish.n_shared - match.n_tokens >= MIN_SHARED_TOKENS
    can_grow = match.prefix is None or match.prefix.is_ready
    is_own_turn = match.prefix in prefixes.turns and wish.n_shared < len(wish.tokens) - 1
    return is_gain and can_grow and not is_own_turn and prefixes.can_share(parent=match.prefix)
