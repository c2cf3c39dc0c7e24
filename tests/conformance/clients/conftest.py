"""One proxy for all clients."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.clients.site import Site, standing
from tests.conftest import PARTS


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Started with the first test that wants it."""
    has_gguf, _ = PARTS["gguf"]
    with standing(tmp_path_factory.mktemp("clients"), has_local=has_gguf()) as made:
        yield made
