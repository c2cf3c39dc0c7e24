"""An upstream that costs next to nothing: ``python -m benchmarks.proxy.mock PORT``.

Every plain request gets one constant chat completion. One with ``"stream":true`` gets 64 deltas,
20 ms apart, a network write each. Requests are not parsed beyond their length, so that what is
measured is the proxy in front.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import uvloop

from benchmarks.proxy.work import ANSWER

N_DELTAS = 64
DELTA_EVERY_S = 0.02

_PLAIN = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(ANSWER)
) + ANSWER
_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _event(delta: str, finish_reason: str) -> bytes:
    return (
        'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":'
        f'"mock","choices":[{{"index":0,"delta":{delta},"finish_reason":{finish_reason}}}]}}\n\n'
    ).encode()


_DELTAS = [_chunk(_event(f'{{"content":" word{number}"}}', "null")) for number in range(N_DELTAS)]
_END = _chunk(_event("{}", '"stop"') + b"data: [DONE]\n\n") + b"0\r\n\r\n"


class Upstream(asyncio.Protocol):
    """Answers each whole request."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._pending = b""
        self._n_sent = 0
        self._due = 0.0

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
            body, self._pending = self._pending[end:whole], self._pending[whole:]
            if b'"stream":true' in body:
                self._begin()
            else:
                self._transport.write(_PLAIN)

    def _begin(self) -> None:
        self._n_sent = 1
        self._due = self._loop.time()
        self._transport.write(_STREAM_HEAD + _DELTAS[0])
        self._wait()

    def _wait(self) -> None:
        self._due += DELTA_EVERY_S
        self._loop.call_at(self._due, self._next)

    def _next(self) -> None:
        if self._transport.is_closing():
            return
        if self._n_sent == N_DELTAS:
            self._transport.write(_END)
            return
        self._transport.write(_DELTAS[self._n_sent])
        self._n_sent += 1
        self._wait()


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(
        Upstream, "127.0.0.1", port, backlog=2048
    )
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
