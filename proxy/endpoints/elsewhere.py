"""Pages that one process answers for all: a worker fetches them from its parent."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from proxy.endpoints.struct_response import StructResponse
from proxy.errors import UpstreamError
from proxy.upstream.base import Timeouts, UpstreamClient
from proxy.upstream.endpoint import Endpoint
from proxy.wire.health import Health

_TIMEOUTS = Timeouts(connect_s=5, first_byte_s=10, idle_s=10, total_s=15)


class Elsewhere:
    """Fetches pages over a unix socket, each under the path that it has here.

    Args:
        client: connections; the caller closes them.
        socket_path: where the other process listens.
    """

    def __init__(self, client: UpstreamClient, socket_path: str) -> None:
        self._client = client
        self._socket_path = socket_path

    async def get(self, request: Request) -> Response:
        """Answer as the other process does; 503 where it does not answer."""
        # Not the URL's: a client's Host header has a part in that, and nobody asks for a key there.
        endpoint = Endpoint(f"http://localhost{request.scope['path']}", self._socket_path)
        try:
            async with self._client.request("GET", endpoint, (), b"", _TIMEOUTS) as response:
                body = b"".join([chunk async for chunk in response.chunks])
        except UpstreamError:
            return StructResponse(Health("unavailable"), status_code=503)
        media_type = (response.header(b"content-type") or b"").decode("latin-1")
        return Response(body, response.status, media_type=media_type)
