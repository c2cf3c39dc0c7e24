"""How probable the model found the tokens it gave, from the logits of one step."""

from __future__ import annotations

import codecs
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_new_decoder = codecs.getincrementaldecoder("utf-8")


class Logprob(NamedTuple):
    """A token's bytes and its natural log probability, before any sampler."""

    piece: bytes
    logprob: float


class TokenLogprobs(NamedTuple):
    """A token of an answer, and the best tokens at its place, best first."""

    chosen: Logprob
    top: tuple[Logprob, ...] = ()


def log_probabilities(
    logits: NDArray[np.float32], token: int, n_top: int
) -> tuple[float, list[tuple[int, float]]]:
    """Log-softmax over the whole vocabulary: of `token`, and of the best tokens, best first.

    Args:
        logits: (n_tokens,) float32; not changed.
        token: the one that was chosen.
        n_top: how many of the best, from 0 to n_tokens.
    """
    best = np.argpartition(logits, -n_top)[-n_top:] if n_top else np.empty(0, np.int64)
    best = best[np.argsort(-logits[best], kind="stable")]
    highest = float(logits.max())
    total = highest + float(np.log(np.exp(logits - highest, dtype=np.float64).sum()))
    return float(logits[token]) - total, [(int(one), float(logits[one]) - total) for one in best]


class HeldLogprobs:
    """Gives out each token's figures together with its text, which may be held back.

    Tokens that lie wholly within a stop string are never given out, as their text is not.
    """

    __slots__ = ("_decoder", "_held", "_n_bytes", "_n_shown")

    def __init__(self) -> None:
        # Of its own, as the text's: bytes that are no UTF-8 become longer ones there.
        self._decoder = _new_decoder(errors="replace")
        self._held: list[tuple[int, TokenLogprobs]] = []
        self._n_bytes = 0
        self._n_shown = 0

    def add(self, token: TokenLogprobs, piece: bytes) -> None:
        """Note a token and the bytes it adds to the answer."""
        self._held.append((self._n_bytes, token))
        self._n_bytes += len(self._decoder.decode(piece).encode())

    def shown(self, text: str) -> tuple[TokenLogprobs, ...]:
        """The tokens of which `text`, the answer's next, shows something."""
        self._n_shown += len(text.encode())
        n_ready = next(
            (n for n, (start, _) in enumerate(self._held) if start >= self._n_shown),
            len(self._held),
        )
        ready, self._held = self._held[:n_ready], self._held[n_ready:]
        return tuple(token for _, token in ready)

    def finish(self) -> tuple[TokenLogprobs, ...]:
        """The rest, when the answer has ended without a stop string."""
        ready, self._held = self._held, []
        return tuple(token for _, token in ready)
