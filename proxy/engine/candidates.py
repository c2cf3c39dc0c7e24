"""llama.cpp's candidate array over memory of our own, for what its one-call sampling cannot do."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])


class Candidates:
    """The tokens that may come next, with their logits. One for a whole runtime is enough.

    Args:
        library: the module ``llama_cpp``.
        n_tokens: size of the vocabulary.
    """

    def __init__(self, library: Any, n_tokens: int) -> None:
        self._library = library
        self._ids = np.arange(n_tokens, dtype=np.int32)
        self._data = np.zeros(n_tokens, _CANDIDATE)
        self._array = library.llama_token_data_array()
        kind = dict(library.llama_token_data_array._fields_)["data"]
        self._start = ctypes.cast(self._data.ctypes.data, kind)
        self._n = 0

    def load(self, logits: NDArray[np.float32]) -> None:
        """Start anew from all tokens. `logits`: (n_tokens,) float32."""
        self._n = len(self._ids)
        self._data["id"] = self._ids
        self._data["logit"] = logits

    def load_one(self, token: int) -> None:
        """Start anew from one token."""
        self._n = 1
        self._data[0] = (token, 1.0, 0.0)

    def forbid(self, tokens: NDArray[np.int32]) -> None:
        """Take tokens out; only right after `load`."""
        self._data["logit"][tokens] = -np.inf

    def drop_impossible(self) -> bool:
        """Remove what has probability 0; False when nothing is left."""
        possible = self._data[: self._n][np.isfinite(self._data["logit"][: self._n])]
        self._n = len(possible)
        self._data[: self._n] = possible
        return self._n > 0

    def apply(self, sampler: Any) -> int:
        """Run a sampler over them; returns the chosen token, or -1 where it does not choose.

        Call `load` before the next chain: what it has cut is gone, and XTC moves the array's start.
        """
        self._array.data = self._start
        self._array.size = self._n
        self._array.selected = -1
        self._array.sorted = False
        self._library.llama_sampler_apply(sampler, ctypes.byref(self._array))
        chosen: int = self._array.selected
        return -1 if chosen < 0 else int(self._array.data[chosen].id)
