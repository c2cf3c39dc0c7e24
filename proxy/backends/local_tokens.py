"""The ids of tokens in a local model's vocabulary, for biases on them."""

from __future__ import annotations

from collections.abc import Iterable

from proxy.backends.config import LlamaCppConfig
from proxy.engine.weights import WeightsError, default_cache, find_weights
from proxy.errors import ModelLoadError


def token_ids(config: LlamaCppConfig, texts: Iterable[str]) -> dict[str, int | None]:
    """Text → the id of the token that is just this text; None where there is no such token.

    Args:
        config: of the model; its weights are found, and converted where that is asked for, but
            not loaded.
        texts: as they stand in an answer, a leading blank included.

    Raises:
        ModelLoadError: there is no such model.
    """
    from proxy.engine import token_ids as engine
    from proxy.engine.llama import LoadError

    try:
        weights = find_weights(config.path, convert=config.convert, cache=default_cache())
        return engine.token_ids(weights.path, texts)
    except (WeightsError, LoadError) as error:
        raise ModelLoadError(str(error), model=config.name) from error
