"""Tokens of a configured model, found without loading it."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.backends.config import LlamaCppConfig
from proxy.backends.local_tokens import token_ids
from proxy.errors import ModelLoadError


def test_the_embedded_model_says_its_tokens() -> None:
    """As the engine reads them; what takes several tokens has no id."""
    found = token_ids(LlamaCppConfig(name="m", path="embedded"), ["I", "I'm sorry"])
    assert found == {"I": 57, "I'm sorry": None}


def test_a_model_that_is_not_there_is_an_error_with_its_name(tmp_path: Path) -> None:
    """Whether the file is missing or is no model."""
    for path, content in (("gone.gguf", None), ("no.gguf", b"GGUF" + bytes(64))):
        if content is not None:
            (tmp_path / path).write_bytes(content)
        with pytest.raises(ModelLoadError, match=path):
            token_ids(LlamaCppConfig(name="m", path=str(tmp_path / path)), ["I"])
