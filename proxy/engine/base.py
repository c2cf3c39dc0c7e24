"""What the engine needs of llama.cpp, as protocols; `llama.py` has the real thing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from proxy.engine.batch import Batch
from proxy.engine.logprobs import TokenLogprobs
from proxy.engine.sampling import Sampling


class DecodeError(Exception):
    """The model refused a batch; what the KV cache holds is unknown until it is cleared."""


class Memory(Protocol):
    """The KV cache, by sequences. Copies share cells: they cost no room until they diverge."""

    @property
    def copies_partially(self) -> bool:
        """Whether the start of a sequence can be copied; recurrent models copy whole ones only."""

    def copy(self, source: int, target: int, n_tokens: int) -> None:
        """Let `target`, which is empty, share the first `n_tokens` of `source`."""

    def remove(self, sequence: int) -> None:
        """Empty a sequence; cells that no other sequence shares become free."""


class Vocabulary(Protocol):
    """Text to tokens and back. Read-only, so any thread may use it until the runtime closes."""

    @property
    def control_texts(self) -> Sequence[str]:
        """The texts that stand for control tokens, such as ``<|im_end|>``."""

    @property
    def n_tokens(self) -> int:
        """How many token ids there are."""

    @property
    def bos(self) -> int | None:
        """The token that has to start every prompt, or None."""

    @property
    def bos_text(self) -> str:
        """How a template writes the beginning of text; may be empty."""

    @property
    def eos_text(self) -> str:
        """How a template writes the end of text; may be empty."""

    def tokenize(self, text: str, *, parse_special: bool) -> list[int]:
        """Token ids of `text`, without adding a beginning-of-text token.

        Args:
            text: any string.
            parse_special: whether the text of a control token becomes that token.
        """

    def piece(self, token: int) -> bytes:
        """The token's bytes; empty for control tokens."""

    def is_end(self, token: int) -> bool:
        """Whether the token ends the model's turn."""


class Runtime(Memory, Protocol):
    """One loaded model and its context; only the engine's thread calls it."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The model's vocabulary."""

    @property
    def chat_template(self) -> str | None:
        """The model's own Jinja template, if it has one."""

    @property
    def n_ctx_tokens(self) -> int:
        """Tokens one request may use: the KV cache's cells, or what the model was trained for."""

    @property
    def n_cells(self) -> int:
        """Cells of the KV cache, shared by all sequences."""

    def decode(self, batch: Batch) -> None:
        """Compute every chunk of the batch. Raises DecodeError."""

    def new_sampler(self, sampling: Sampling, prompt: Sequence[int]) -> Any:
        """A sampler that has seen the prompt; free it with `free_sampler`.

        Raises:
            GrammarError: its grammar cannot be followed.
        """

    def sample(self, sampler: Any, row: int) -> int | None:
        """Choose a token from the logits at `row` of the last batch, and tell the sampler.

        None when a grammar allows no token at all.
        """

    def logprobs(self, row: int, token: int, n_top: int) -> TokenLogprobs:
        """How probable the model found `token` and the `n_top` best, at `row` of the last batch."""

    def free_sampler(self, sampler: Any) -> None:
        """Release a chain."""

    def clear(self) -> None:
        """Empty the whole KV cache."""

    def close(self) -> None:
        """Release everything; safe to call twice."""
