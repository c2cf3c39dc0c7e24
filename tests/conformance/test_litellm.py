"""The litellm backend does what every backend must, against a local OpenAI-compatible server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from proxy.backends.config import LiteLLMConfig
from proxy.backends.litellm_sdk import LiteLLMBackend
from tests.conformance.backend_suite import MODEL, BackendSuite, Script, Served
from tests.conformance.openai_server import openai_server

# litellm walks over pydantic's deprecated attributes while it merges chunks.
pytestmark = pytest.mark.filterwarnings("ignore:Accessing the 'model_:DeprecationWarning")


class TestLiteLLM(BackendSuite):
    """Through litellm's own client."""

    @asynccontextmanager
    async def serve(self, script: Script) -> AsyncIterator[Served]:
        """A backend in front of a loopback server."""
        async with openai_server(script) as (server, address):
            config = LiteLLMConfig(
                name=MODEL,
                upstream_model="openai/upstream",
                api_base=address.url,
                api_key_env="KEY",
                timeout_s=10.0,
            )
            backend = LiteLLMBackend(config, environ={"KEY": "test-key"})
            await backend.start()
            yield Served(backend, server.idle)
            await backend.close()
