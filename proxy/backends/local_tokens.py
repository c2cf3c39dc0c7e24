"""The ids of tokens in a local model's vocabulary, for biases on them."""

from __future__ import annotations

from collections.abc import Iterable

from proxy.backends.config import LlamaCppConfig
from proxy.backends.registry import require_package
from proxy.engine.weights import WeightsError, find_original
from proxy.errors import ModelLoadError


def token_ids(config: LlamaCppConfig, texts: Iterable[str]) -> dict[str, int | None]:
    """Text → the id of the token that is just this text; None where there is no such token.

    Args:
        config: of the model; of its file the vocabulary alone is read.
        texts: as they stand in an answer, a leading blank included.

    Raises:
        ModelLoadError: there is no such model, or llama.cpp is not installed.
    """
    require_package(config)
    from proxy.engine import token_ids as engine
    from proxy.engine.llama import LoadError

    try:
        return engine.token_ids(find_original(config.path), texts)
    except (WeightsError, LoadError) as error:
        raise ModelLoadError(str(error), model=config.name) from error
