"""A model's vocabulary: text to tokens and back, from any thread, until the model is freed."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MAX_PIECE_BYTES = 512

_MARKUP = frozenset({b"<think>", b"</think>", b"<tool_call>", b"</tool_call>"})
"""Control tokens in some models, plain text in others; shown, because answers are read by them."""


class LlamaVocabulary:
    """llama.cpp's tokeniser.

    Args:
        library: the module ``llama_cpp``.
        model: the loaded model's handle.
    """

    def __init__(self, library: Any, model: Any) -> None:
        self._library = library
        self._vocab = library.llama_model_get_vocab(model)
        # Holds: while a thread reads the vocabulary, the model is not freed.
        self._lock = Lock()
        self._pieces: dict[int, bytes] = {}
        self.n_tokens: int = library.llama_vocab_n_tokens(self._vocab)
        self.n_ctx_train: int = library.llama_model_n_ctx_train(model)
        bos: int = library.llama_vocab_bos(self._vocab)
        self.bos: int | None = bos if library.llama_vocab_get_add_bos(self._vocab) else None
        self.bos_text: str = self.text(bos).decode(errors="replace")
        eos: int = library.llama_vocab_eos(self._vocab)
        self.eos_text: str = self.text(eos).decode(errors="replace")
        self.control_texts: Sequence[str] = tuple(self._control_texts())
        self._ends = frozenset(
            token
            for token in range(self.n_tokens)
            if library.llama_vocab_is_eog(self._vocab, token)
        )

    @property
    def handle(self) -> Any:
        """For samplers that need it; only on the engine's thread."""
        return self._vocab

    def close(self) -> None:
        """Refuse further reading; returns once nobody reads."""
        with self._lock:
            self._vocab = None

    def tokenize(self, text: str, *, parse_special: bool) -> list[int]:
        """See `base.Vocabulary`. Raises ValueError once closed."""
        data = text.encode(errors="replace")
        # A token never covers less than one byte; one more for a leading space.
        buffer = (self._library.llama_token * (len(data) + 2))()
        with self._lock:
            if self._vocab is None:
                msg = "The vocabulary is closed."
                raise ValueError(msg)
            n_tokens = self._library.llama_tokenize(
                self._vocab, data, len(data), buffer, len(buffer), False, parse_special
            )
        if n_tokens < 0:
            msg = f"llama_tokenize wants room for {-n_tokens} tokens, {len(buffer)} were given."
            raise ValueError(msg)
        return list(buffer[:n_tokens])

    def piece(self, token: int) -> bytes:
        """See `base.Vocabulary`; each token is asked for once."""
        piece = self._pieces.get(token)
        if piece is None:
            piece = self._read_piece(token, with_control=False)
            if not piece and (text := self._read_piece(token, with_control=True)) in _MARKUP:
                piece = text
            self._pieces[token] = piece
        return piece

    def is_end(self, token: int) -> bool:
        """See `base.Vocabulary`."""
        return token in self._ends

    def is_hidden(self, token: int) -> bool:
        """Whether the token shows nothing and does not end the turn either."""
        return not self.piece(token) and token not in self._ends

    @cached_property
    def hidden(self) -> NDArray[np.int32]:
        """All hidden tokens; takes a moment when asked for the first time."""
        return np.array([t for t in range(self.n_tokens) if self.is_hidden(t)], np.int32)

    def find_piece(self, piece: bytes) -> int | None:
        """The token with exactly these bytes, or None."""
        return self._by_piece.get(piece)

    @cached_property
    def _by_piece(self) -> dict[bytes, int]:
        return {self.piece(token): token for token in reversed(range(self.n_tokens))}

    def text(self, token: int) -> bytes:
        """How a template writes the token, control tokens too; empty for no token (-1)."""
        return self._read_piece(token, with_control=True)

    def _read_piece(self, token: int, *, with_control: bool) -> bytes:
        if token < 0:
            return b""
        buffer = ctypes.create_string_buffer(_MAX_PIECE_BYTES)
        n_bytes = self._library.llama_token_to_piece(
            self._vocab, token, buffer, len(buffer), 0, with_control
        )
        return buffer.raw[: max(n_bytes, 0)]

    def _control_texts(self) -> list[str]:
        """What a user could type to forge a turn, longest first.

        User-defined tokens are parsed in content too, by design: many are plain runs of spaces. The
        ones that look like tags, ``<tool_response>`` say, count as control here.
        """
        library = self._library
        hidden = library.LLAMA_TOKEN_ATTR_CONTROL | library.LLAMA_TOKEN_ATTR_UNKNOWN
        texts = set()
        for token in range(self.n_tokens):
            attributes = library.llama_vocab_get_attr(self._vocab, token)
            text = library.llama_vocab_get_text(self._vocab, token).decode(errors="replace")
            is_tag = bool(attributes & library.LLAMA_TOKEN_ATTR_USER_DEFINED) and _is_tag(text)
            if text and (attributes & hidden or is_tag):
                texts.add(text)
        return sorted(texts, key=lambda text: (-len(text), text))


def _is_tag(text: str) -> bool:
    return len(text) > 2 and text[0] + text[-1] in {"<>", "[]"}  # noqa: PLR2004 — more than brackets
