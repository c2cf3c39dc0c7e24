"""Guards against leaks: no text that reaches a model may quote the prompts it is measured on."""

from __future__ import annotations

from collections.abc import Iterable

from proxy.domain import Prompt
from proxy.suites.words import words

Ngram = tuple[str, ...]


def ngrams(text: str, n: int = 5) -> set[Ngram]:
    """Every run of ``n`` words; empty where the text has fewer.

    Raises:
        ValueError: ``n`` is below 1.
    """
    if n < 1:
        raise ValueError(f"n-grams of {n} words do not exist; n is at least 1.")
    text_words = words(text)
    return {tuple(text_words[i : i + n]) for i in range(len(text_words) - n + 1)}


def shared_ngrams(text: str, prompts: Iterable[Prompt], n: int = 5) -> tuple[str, ...]:
    """Runs of ``n`` words that the text shares with any prompt, sorted; empty when it quotes none.

    For many texts against one suite, build :class:`NgramIndex` once.
    """
    return NgramIndex(prompts, n).shared(text)


class NgramIndex:
    """The n-grams of a suite, so that each further text costs a look-up and not a scan."""

    def __init__(self, prompts: Iterable[Prompt], n: int = 5) -> None:
        self.n = n
        self._ngrams: set[Ngram] = set()
        for prompt in prompts:
            self._ngrams |= ngrams(prompt.text, n)

    def shared(self, text: str) -> tuple[str, ...]:
        """Runs of ``n`` words that the text shares with the suite, sorted."""
        return tuple(sorted(" ".join(ngram) for ngram in ngrams(text, self.n) & self._ngrams))
