"""What a GGUF file holds, and whether llama.cpp can run it; looked at in a process of its own."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from proxy.engine import library as library_module
from proxy.engine.library import load_library

_N_TRIAL_TOKENS = 32
_MAX_TEXT_BYTES = 256


class InspectionError(Exception):
    """llama.cpp does not load the file, or dies of it; says why as far as it is known."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a file says of its model.

    Args:
        name: the file's own name for the model; empty if it has none.
        architecture: llama.cpp's word for it, such as ``llama`` or ``gemma3``.
        weights: the type of most weights, such as ``Q4_K - Medium``.
        n_parameters: of the whole model.
        n_bytes: of its weights.
        n_ctx_tokens: the longest text it was trained on.
        chat_template: its Jinja source; None for a base model.
    """

    name: str
    architecture: str
    weights: str
    n_parameters: int
    n_bytes: int
    n_ctx_tokens: int
    chat_template: str | None


def inspect(path: Path) -> ModelFacts:
    """Load a file in another process, and say what it holds.

    Loading maps the file and reads little of it. A file that makes llama.cpp abort costs that
    process only.

    Raises:
        InspectionError: it does not load.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(inspect_here, path).result()
        except BrokenProcessPool as error:
            raise InspectionError("llama.cpp aborted while it loaded it: it is damaged") from error


def inspect_here(path: Path) -> ModelFacts:
    """The same in this process, which a damaged file may end."""
    library = load_library()
    with _complaints() as said:
        model = library.llama_model_load_from_file(
            str(path).encode(), library.llama_model_default_params()
        )
        if not model:
            raise InspectionError(f"llama.cpp does not load it{_because(said)}")
        try:
            _try_context(library, model, said)
            return _facts(library, model)
        finally:
            library.llama_model_free(model)


def _try_context(library: Any, model: Any, said: list[str]) -> None:
    params = library.llama_context_default_params()
    params.n_ctx = params.n_batch = params.n_ubatch = _N_TRIAL_TOKENS
    context = library.llama_init_from_model(model, params)
    if not context:
        raise InspectionError(f"llama.cpp makes no context for it{_because(said)}")
    library.llama_free(context)


def _facts(library: Any, model: Any) -> ModelFacts:
    template = library.llama_model_chat_template(model, None)
    architecture = _metadata(library, model, "general.architecture")
    return ModelFacts(
        name=_metadata(library, model, "general.name"),
        architecture=architecture,
        weights=_weights_type(library, model, architecture),
        n_parameters=library.llama_model_n_params(model),
        n_bytes=library.llama_model_size(model),
        n_ctx_tokens=library.llama_model_n_ctx_train(model),
        chat_template=template.decode(errors="replace") if template else None,
    )


def _weights_type(library: Any, model: Any, architecture: str) -> str:
    """The end of llama.cpp's own description: architecture, size class, type."""
    buffer = ctypes.create_string_buffer(_MAX_TEXT_BYTES)
    library.llama_model_desc(model, buffer, len(buffer))
    description = buffer.value.decode(errors="replace").removeprefix(architecture).strip()
    return description.partition(" ")[2]


def _metadata(library: Any, model: Any, key: str) -> str:
    buffer = ctypes.create_string_buffer(_MAX_TEXT_BYTES)
    found = library.llama_model_meta_val_str(model, key.encode(), buffer, len(buffer))
    return buffer.value.decode(errors="replace") if found >= 0 else ""


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """Collect what llama.cpp logs as errors, instead of printing it."""
    said: list[str] = []
    log = logging.getLogger(library_module.__name__)
    handler, propagated = _Collecting(said), log.propagate
    log.addHandler(handler)
    log.propagate = False
    try:
        yield said
    finally:
        log.removeHandler(handler)
        log.propagate = propagated


class _Collecting(logging.Handler):
    def __init__(self, said: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        self._said.append(record.getMessage().removeprefix("llama.cpp: "))


def _because(said: list[str]) -> str:
    """The first complaint is the cause; those after it are what it led to."""
    return f": {said[0]}" if said else ""
