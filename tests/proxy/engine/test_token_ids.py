"""Tokens by their text, from a model's file."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.engine.llama import LlamaRuntime, LoadError
from proxy.engine.token_ids import by_text, token_ids
from proxy.engine.weights import default_cache, find_weights


def test_ids_are_those_that_the_loaded_model_uses(llama: LlamaRuntime) -> None:
    """A leading blank makes another token, and several tokens are none."""
    path = find_weights("embedded", convert=None, cache=default_cache()).path
    found = token_ids(path, ["I", " I", "I'm sorry", "<|im_end|>"])
    assert found["I"] != found[" I"]
    assert found["I'm sorry"] is None
    assert found["<|im_end|>"] is not None
    assert llama.vocabulary.is_end(found["<|im_end|>"])
    for text in ("I", " I"):
        token = found[text]
        assert token is not None
        assert llama.vocabulary.piece(token) == text.encode()
        assert llama.vocabulary.tokenize(text, parse_special=False) == [token]


def test_of_tokens_with_one_text_the_last_counts() -> None:
    """Vocabularies with bytes have a token for the byte 73 before the one for the word."""
    assert by_text([b"<s>", b"I", b"J", b"I"]) == {b"<s>": 0, b"I": 3, b"J": 2}


def test_a_file_that_is_no_model_is_an_error(tmp_path: Path) -> None:
    """With the file's name."""
    (tmp_path / "no.gguf").write_bytes(b"GGUF")
    with pytest.raises(LoadError, match=r"no\.gguf"):
        token_ids(tmp_path / "no.gguf", ["I"])
