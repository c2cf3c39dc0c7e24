"""The seam between the proxy and whatever answers: :class:`Backend` and its :class:`Reply`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, runtime_checkable

import msgspec

from proxy.backends.retries import Reason
from proxy.domain import Capabilities, ChatRequest, Transcript


class Reply(msgspec.Struct, frozen=True):
    """An answer in wire form.

    Args:
        status: HTTP status for the client; an upstream's own error status passes through.
        headers: lower-case names, as bytes, of those worth passing on (``content-type`` always;
            never ``content-length``, ``transfer-encoding`` or anything hop-by-hop).
        chunks: the body; one chunk for a plain answer, SSE frames as they come for a stream.
            Raises BackendError when the upstream breaks off midway.
        body: all of it, where it is there already: to be had without waiting.
    """

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    chunks: AsyncIterator[bytes]
    body: bytes | None = None


class Backend(Protocol):
    """One served model.

    ``chat`` returns an async context manager: leaving it, in whatever way, cancels what is still
    running upstream and frees the slot before it returns. The transcript is complete once the last
    chunk has been taken.
    """

    @property
    def model(self) -> str:
        """The served name, as clients ask for it."""

    @property
    def capabilities(self) -> Capabilities:
        """What this backend honours; constant after ``start``."""

    async def start(self) -> None:
        """Load or connect. Raises ModelLoadError naming the path and the remedy."""

    async def close(self) -> None:
        """Cancel what is running and release everything; safe to call twice."""

    def chat(
        self, request: ChatRequest, transcript: Transcript
    ) -> AbstractAsyncContextManager[Reply]:
        """Answer one request.

        Raises on entering: RequestError (400s), OverloadedError (503), BackendError (502 to 504).
        """


@runtime_checkable
class Forwards(Protocol):
    """A backend that hands requests on other routes than chat to its server."""

    def capabilities_on(self, path: str) -> Capabilities:
        """What it honours there; the same object each time.

        Args:
            path: the route as clients ask for it, such as ``/v1/completions``.
        """

    def forward(
        self, path: str, request: ChatRequest, transcript: Transcript
    ) -> AbstractAsyncContextManager[Reply]:
        """Answer one request, as `Backend.chat` does; it is sent by its ``fields`` alone."""


@runtime_checkable
class MayRetry(Protocol):
    """A backend that asks again by itself.

    Attributes:
        on_retry: called on the event loop with the reason of each retry, one of a closed set.
    """

    on_retry: Callable[[Reason], None]


@runtime_checkable
class MayBeAway(Protocol):
    """A backend that can lose its engine for a while after `start`, and gets it back by itself.

    Attributes:
        on_return: called on the event loop whenever the engine is back, having forgotten all.
    """

    on_return: Callable[[], None]

    @property
    def is_ready(self) -> bool:
        """Whether it would answer now."""
