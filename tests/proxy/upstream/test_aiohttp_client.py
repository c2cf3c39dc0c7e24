"""The aiohttp client does what every upstream client must."""

from __future__ import annotations

from proxy.upstream.aiohttp_client import AiohttpClient
from proxy.upstream.base import UpstreamClient
from tests.conformance.upstream_faults import UpstreamFaultSuite
from tests.conformance.upstream_load import UpstreamLoadSuite
from tests.conformance.upstream_suite import UpstreamClientSuite


class TestAiohttpClient(UpstreamClientSuite, UpstreamFaultSuite, UpstreamLoadSuite):
    """Inherits the suites."""

    def make(self, *, max_connections: int = 1024) -> UpstreamClient:
        """A fresh client."""
        return AiohttpClient(max_connections=max_connections)


class TestAiohttpClientOverTls(TestAiohttpClient):
    """The same in TLS."""

    is_tls = True
    n_sequential = 1_000
