"""llama.cpp itself: one model, one context, and the only file that decodes and samples with it."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proxy.engine.base import DecodeError
from proxy.engine.batch import Batch
from proxy.engine.candidates import Candidates
from proxy.engine.constrained import ConstrainedSampler
from proxy.engine.library import load_library
from proxy.engine.logprobs import Logprob, TokenLogprobs, log_probabilities
from proxy.engine.prototypes import Prototypes
from proxy.engine.samplers import build_chain
from proxy.engine.sampling import Sampling
from proxy.engine.slots import Lane
from proxy.engine.vocabulary import LlamaVocabulary


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """How to load one model.

    Args:
        path: the GGUF file.
        n_cells: the KV cache's size in tokens, shared by all sequences; llama.cpp may round it up.
        n_sequences: sequences that may exist at once, at most 256.
        n_batch_tokens: most tokens of one batch.
        threads: decode threads.
        gpu_layers: layers put on a GPU; -1 for all.
        flash_attention: whether attention is one fused operation; None lets llama.cpp decide.
    """

    path: Path
    n_cells: int
    n_sequences: int
    n_batch_tokens: int
    threads: int
    gpu_layers: int = 0
    flash_attention: bool | None = None


class LoadError(Exception):
    """llama.cpp would not load the file or make a context; its log says why."""


class LlamaRuntime:
    """A loaded model; see `base.Runtime`. All of it belongs to one thread but the vocabulary.

    Raises:
        LoadError: the file is no model, or there is not enough memory.
    """

    def __init__(self, options: ModelOptions) -> None:
        self._library = load_library()
        self._model: Any = self._load(options)
        self._context: Any = self._make_context(options)
        self._memory = self._library.llama_get_memory(self._context)
        self._batch = _NativeBatch(self._library, options.n_batch_tokens)
        self._samplers: dict[int, Any] = {}
        self._prototypes = Prototypes(self._library)
        self.vocabulary = LlamaVocabulary(self._library, self._model)
        self._candidates = Candidates(self._library, self.vocabulary.n_tokens)
        self.n_cells: int = self._library.llama_n_ctx(self._context)
        n_ctx_train = self._library.llama_model_n_ctx_train(self._model)
        # llama.cpp pads the cache to a multiple of 256; the scheduler gives out what was asked for.
        n_usable = min(options.n_cells, self.n_cells)
        self.n_ctx_tokens = min(n_usable, n_ctx_train) if n_ctx_train > 0 else n_usable
        self.copies_partially = self._can_copy_partially()

    @property
    def chat_template(self) -> str | None:
        """The model's own Jinja template, if its file has one."""
        template = self._library.llama_model_chat_template(self._model, None)
        return None if template is None else template.decode(errors="replace")

    def copy(self, source: int, target: int, n_tokens: int) -> None:
        """See `base.Memory`."""
        self._library.llama_memory_seq_cp(self._memory, source, target, 0, n_tokens)

    def remove(self, sequence: int) -> None:
        """See `base.Memory`; whole sequences can be removed from every kind of model."""
        self._library.llama_memory_seq_rm(self._memory, sequence, -1, -1)

    def clear(self) -> None:
        """See `base.Runtime`."""
        # The cells' data may stay: without their metadata nobody reads them.
        self._library.llama_memory_clear(self._memory, False)

    def decode(self, batch: Batch) -> None:
        """See `base.Runtime`."""
        status = self._library.llama_decode(self._context, self._batch.fill(batch))
        if status != 0:
            raise DecodeError(f"llama_decode returned {status} for {batch.n_tokens} tokens.")
        self._library.llama_synchronize(self._context)

    def new_sampler(self, sampling: Sampling, prompt: Sequence[int]) -> Any:
        """See `base.Runtime`."""
        sampler = build_chain(
            self._library, self.vocabulary, sampling, prompt, prototypes=self._prototypes
        )
        if sampling.grammar is not None:
            sampler = ConstrainedSampler(
                self._library,
                self.vocabulary,
                sampler,
                grammar=sampling.grammar,
                candidates=self._candidates,
            )
        self._samplers[id(sampler)] = sampler
        return sampler

    def sample(self, sampler: Any, row: int) -> int | None:
        """See `base.Runtime`."""
        if isinstance(sampler, ConstrainedSampler):
            return sampler.sample(self._logits(row))
        token: int = self._library.llama_sampler_sample(sampler, self._context, row)
        return token

    def logprobs(self, row: int, token: int, n_top: int) -> TokenLogprobs:
        """See `base.Runtime`."""
        text = self.vocabulary.text
        logprob, top = log_probabilities(self._logits(row), token, n_top)
        best = tuple(Logprob(text(one), value) for one, value in top)
        return TokenLogprobs(Logprob(text(token), logprob), best)

    def free_sampler(self, sampler: Any) -> None:
        """See `base.Runtime`."""
        self._free(self._samplers.pop(id(sampler)))

    def _free(self, sampler: Any) -> None:
        if isinstance(sampler, ConstrainedSampler):
            sampler.free()
        else:
            self._library.llama_sampler_free(sampler)

    def _logits(self, row: int) -> NDArray[np.float32]:
        """(n_tokens,) float32, of llama.cpp's own memory: valid until the next batch."""
        pointer = self._library.llama_get_logits_ith(self._context, row)
        return np.ctypeslib.as_array(pointer, (self.vocabulary.n_tokens,))

    def cells_in_use(self, sequence: int) -> int:
        """Tokens that the KV cache holds of a sequence; 0 when it is empty."""
        last: int = self._library.llama_memory_seq_pos_max(self._memory, sequence)
        return last + 1

    def close(self) -> None:
        """See `base.Runtime`; samplers before context before model, as they point that way."""
        while self._samplers:
            self._free(self._samplers.popitem()[1])
        self._prototypes.close()
        if self._context is not None:
            self._library.llama_free(self._context)
            self._context = None
        if self._model is not None:
            self.vocabulary.close()
            self._library.llama_model_free(self._model)
            self._model = None

    def _load(self, options: ModelOptions) -> Any:
        params = self._library.llama_model_default_params()
        params.n_gpu_layers = options.gpu_layers
        model = self._library.llama_model_load_from_file(str(options.path).encode(), params)
        if not model:
            raise LoadError(f"llama.cpp cannot load {options.path}")
        return model

    def _make_context(self, options: ModelOptions) -> Any:
        params = self._library.llama_context_default_params()
        params.n_ctx = options.n_cells
        params.n_batch = params.n_ubatch = options.n_batch_tokens
        params.n_seq_max = options.n_sequences
        params.n_threads = params.n_threads_batch = options.threads
        params.kv_unified = True  # one pool of cells, so that sequences can share a prefix's
        if options.flash_attention is not None:
            params.flash_attn_type = int(options.flash_attention)
        params.no_perf = True
        context = self._library.llama_init_from_model(self._model, params)
        if not context:
            self._library.llama_model_free(self._model)
            raise LoadError(f"llama.cpp cannot make a context of {options.n_cells} tokens")
        return context

    def _can_copy_partially(self) -> bool:
        """Whether a sequence can be cut. The cache is asked: it refuses where its state is one sum.

        A sliding window would agree, and yet it has forgotten what lies further back.
        """
        if self._library.llama_model_n_swa(self._model) > 0:
            return False
        self.decode(_two_tokens())
        can_cut: bool = self._library.llama_memory_seq_rm(self._memory, 0, 1, -1)
        self.clear()
        return can_cut


def _two_tokens() -> Batch:
    batch = Batch()
    batch.add(Lane(0, [0, 0]), room=2)
    return batch


class _NativeBatch:
    """A ``llama_batch`` over arrays of our own, allocated once."""

    def __init__(self, library: Any, n_tokens: int) -> None:
        self._token = np.zeros(n_tokens, np.int32)
        self._pos = np.zeros(n_tokens, np.int32)
        self._n_seq = np.ones(n_tokens, np.int32)
        self._seq = np.zeros(n_tokens, np.int32)
        self._wants_logits = np.zeros(n_tokens, np.int8)
        address, size = self._seq.ctypes.data, self._seq.itemsize
        self._own_pointers = np.arange(n_tokens, dtype=np.uintp) * size + address
        self._seq_pointers = self._own_pointers.copy()
        self._shared: list[NDArray[np.int32]] = []
        self._struct = library.llama_batch()
        for name, array in (
            ("token", self._token),
            ("pos", self._pos),
            ("n_seq_id", self._n_seq),
            ("seq_id", self._seq_pointers),
            ("logits", self._wants_logits),
        ):
            kind = dict(library.llama_batch._fields_)[name]
            setattr(self._struct, name, ctypes.cast(array.ctypes.data, kind))

    def fill(self, batch: Batch) -> Any:
        """The native form of a batch, valid until the next one."""
        row = 0
        self._shared.clear()
        for lane, n_tokens, sharers in batch.chunks:
            start, end = lane.n_computed, lane.n_computed + n_tokens
            rows = slice(row, row + n_tokens)
            self._token[rows] = lane.tokens[start:end]
            self._pos[rows] = np.arange(start, end)
            self._set_sequences(rows, lane.sequence, sharers)
            row += n_tokens
        self._wants_logits[:row] = 0
        self._wants_logits[[sampled.row for sampled in batch.sampled]] = 1
        self._struct.n_tokens = row
        return self._struct

    def _set_sequences(self, rows: slice, sequence: int, sharers: tuple[int, ...]) -> None:
        """Whose the rows are: one sequence's, or those of one list that all rows point to."""
        self._n_seq[rows] = 1 + len(sharers)
        if not sharers:
            self._seq[rows] = sequence
            self._seq_pointers[rows] = self._own_pointers[rows]
            return
        everyone = np.array([sequence, *sharers], np.int32)
        self._shared.append(everyone)  # llama.cpp reads it while it decodes
        self._seq_pointers[rows] = everyone.ctypes.data
