"""An upstream that costs next to nothing: ``python -m benchmarks.proxy.mock PORT``.

Every request gets one constant chat completion. Requests are not parsed beyond their length, so
that what is measured is the proxy in front.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import uvloop

BODY = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"mock","choices":'
    b'[{"index":0,"message":{"role":"assistant","content":"Hello there, this is a short answer '
    b'from the upstream model, used for measuring."},"finish_reason":"stop"}],"usage":'
    b'{"prompt_tokens":20,"completion_tokens":18,"total_tokens":38}}'
)
ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(BODY)
) + BODY


class Upstream(asyncio.Protocol):
    """Answers each whole request with `ANSWER`."""

    def __init__(self) -> None:
        self._pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer what is complete."""
        self._pending += data
        while (end := self._pending.find(b"\r\n\r\n")) >= 0:
            head = self._pending[:end].lower()
            _, _, rest = head.partition(b"content-length: ")
            whole = end + 4 + int(rest.split(b"\r\n", 1)[0] or b"0")
            if len(self._pending) < whole:
                return
            self._pending = self._pending[whole:]
            self._transport.write(ANSWER)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
