"""An HTTP server in threads of its own, for what real processes ask while a test waits for them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec


class QuietHandler(BaseHTTPRequestHandler):
    """Logs nothing, and answers in whole bodies."""

    def post(self) -> None:
        """Answer a POST request."""
        raise NotImplementedError

    def do_POST(self) -> None:
        """See `post`."""
        self.post()

    def read(self) -> bytes:
        """The request's body."""
        return self.rfile.read(int(self.headers["content-length"]))

    def lower_headers(self) -> dict[str, str]:
        """The request's headers, their names in lower case."""
        return {name.lower(): value for name, value in self.headers.items()}

    def answer(self, body: bytes, kind: str = "application/json") -> None:
        """Answer with a body of known length."""
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def say(self, text: str) -> None:
        """Answer a chat request with an assistant's message."""
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        self.answer(
            msgspec.json.encode({"id": "x", "object": "chat.completion", "choices": [choice]})
        )

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that are killed in the middle are what some tests are about."""


@contextmanager
def threaded(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """Serve on the loopback until the block is left; gives the port."""
    with _Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
