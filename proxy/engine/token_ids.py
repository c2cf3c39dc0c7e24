"""Which token a text is in a model's vocabulary, without loading the model's weights."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from proxy.engine.library import load_library
from proxy.engine.llama import LoadError
from proxy.engine.vocabulary import LlamaVocabulary


def token_ids(path: Path, texts: Iterable[str]) -> dict[str, int | None]:
    """Each text's token, where it is a single one; about a second.

    Args:
        path: a GGUF file.
        texts: as they stand in an answer, a leading blank included; a control token's as a chat
            template writes it, such as ``<|im_end|>``.

    Returns:
        Text → its id; None where the model writes it with several tokens.

    Raises:
        LoadError: the file is no model.
    """
    library = load_library()
    params = library.llama_model_default_params()
    params.vocab_only = True
    model = library.llama_model_load_from_file(str(path).encode(), params)
    if not model:
        raise LoadError(f"llama.cpp cannot load {path}")
    try:
        vocabulary = LlamaVocabulary(library, model)
        pieces = [vocabulary.text(token) for token in range(vocabulary.n_tokens)]
    finally:
        library.llama_model_free(model)
    by_piece = by_text(pieces)
    return {text: by_piece.get(text.encode()) for text in texts}


def by_text(pieces: Iterable[bytes]) -> dict[bytes, int]:
    """Text → token; of several the last, since byte tokens that spell letters as well come first.

    Args:
        pieces: the text of each token, in the order of their ids.
    """
    return {piece: token for token, piece in enumerate(pieces)}
