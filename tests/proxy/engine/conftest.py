from __future__ import annotations

from collections.abc import Iterator

import pytest

from proxy.engine.llama import LlamaRuntime, ModelOptions
from proxy.engine.weights import default_cache, find_weights


@pytest.fixture(scope="session")
def llama() -> Iterator[LlamaRuntime]:
    """SmolLM2 in a small context; used on the test's own thread. Leave it as you found it."""
    found = find_weights("embedded", convert=None, cache=default_cache(), threads=2)
    options = ModelOptions(
        path=found.path, n_cells=512, n_sequences=8, n_batch_tokens=256, threads=2
    )
    runtime = LlamaRuntime(options)
    yield runtime
    runtime.close()
    runtime.close()
