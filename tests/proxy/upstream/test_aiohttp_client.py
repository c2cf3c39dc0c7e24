"""The aiohttp client does what every upstream client must."""

from __future__ import annotations

from proxy.upstream.aiohttp_client import AiohttpClient
from proxy.upstream.base import UpstreamClient
from tests.conformance.upstream_suite import UpstreamClientSuite


class TestAiohttpClient(UpstreamClientSuite):
    """Inherits the whole suite."""

    def make(self) -> UpstreamClient:
        """A fresh client."""
        return AiohttpClient()
