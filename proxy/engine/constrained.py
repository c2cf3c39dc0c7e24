"""Sampling under a grammar, such that llama.cpp never has to accept what the grammar forbids.

It aborts the process then, and it does so, too, when samplers have cut every allowed token away.
Hence this order, which is llama-server's: choose as if there were no grammar; if the grammar allows
the token, that is it, at the price of one candidate; otherwise choose again among all tokens that
it allows, cutting afterwards. The lazy kind is ours: llama.cpp's own replays the trigger's token,
and aborts where that token's end does not fit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from proxy.engine.candidates import Candidates
from proxy.engine.gbnf import GrammarError
from proxy.engine.trigger import Grammar, Trigger
from proxy.engine.vocabulary import LlamaVocabulary


class ConstrainedSampler:
    """A sampler chain and a grammar, for one sequence.

    Args:
        library: the module ``llama_cpp``.
        vocabulary: the model's.
        chain: chooses a token; owned from here on.
        grammar: what it may choose.
        candidates: working memory, shared by all samplers of a thread.

    Raises:
        GrammarError: llama.cpp cannot read the grammar; the chain is freed.
    """

    def __init__(
        self,
        library: Any,
        vocabulary: LlamaVocabulary,
        chain: Any,
        *,
        grammar: Grammar,
        candidates: Candidates,
    ) -> None:
        self._library = library
        self._vocabulary = vocabulary
        self._chain = chain
        self._candidates = candidates
        self._trigger = Trigger(grammar) if grammar.is_lazy else None
        self._due = b""
        self._grammar = library.llama_sampler_init_grammar(
            vocabulary.handle, grammar.text.encode(errors="replace"), b"root"
        )
        if not self._grammar:
            library.llama_sampler_free(chain)
            raise GrammarError("llama.cpp cannot follow it")

    def sample(self, logits: NDArray[np.float32]) -> int | None:
        """The next token, or None when the grammar allows none, not even the end.

        Args:
            logits: (n_tokens,) float32, of the model; not changed.
        """
        self._candidates.load(logits)
        token = self._candidates.apply(self._chain)
        if self._trigger is not None:
            return self._wait(self._trigger, token)
        if not self._allows(token):
            chosen = self._choose_allowed(logits)
            if chosen is None:
                return None
            token = chosen
        self._library.llama_sampler_accept(self._grammar, token)
        self._library.llama_sampler_accept(self._chain, token)
        return token

    def free(self) -> None:
        """Release the chain and the grammar."""
        self._library.llama_sampler_free(self._chain)
        self._library.llama_sampler_free(self._grammar)

    def _allows(self, token: int) -> bool:
        if self._vocabulary.is_hidden(token):
            return False
        self._candidates.load_one(token)
        self._candidates.apply(self._grammar)
        return self._candidates.drop_impossible()

    def _choose_allowed(self, logits: NDArray[np.float32]) -> int | None:
        self._candidates.load(logits)
        self._candidates.forbid(self._vocabulary.hidden)
        self._candidates.apply(self._grammar)
        if not self._candidates.drop_impossible():
            return None
        return self._candidates.apply(self._chain)

    def _wait(self, trigger: Trigger, token: int) -> int:
        """Pass tokens through until one ends the trigger; then it ends exactly there."""
        piece = self._vocabulary.piece(token)
        if not self._due:
            self._due = self._to_force(trigger, token, piece)
        if self._due:
            token = self._token_within(self._due, token)
            piece = self._vocabulary.piece(token)
            self._due = self._due[len(piece) :]
        if trigger.completes(piece) is not None:
            self._trigger = None
        trigger.add(piece)
        self._library.llama_sampler_accept(self._chain, token)
        return token

    def _to_force(self, trigger: Trigger, token: int, piece: bytes) -> bytes:
        """What has to come instead of a token; empty where the token may stand."""
        if self._vocabulary.is_end(token):
            # Without an end of its thoughts the model would fall silent, with no answer.
            return trigger.missing or b""
        wanted = trigger.completes(piece)
        return b"" if wanted is None or wanted == piece else wanted

    def _token_within(self, wanted: bytes, otherwise: int) -> int:
        """The longest token that `wanted` begins with."""
        for end in range(len(wanted), 0, -1):
            found = self._vocabulary.find_piece(wanted[:end])
            if found is not None:
                return found
        return otherwise
