"""The client's side of one exchange: its body comes in, and its leaving cancels the work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self, cast

from starlette.types import Receive, Scope

from proxy.tasks import spawn

WATCH_AFTER_S = 0.02
"""Most answers of a quick upstream are complete by then, and cost no task that watches."""


LEAVING = "guardtune.leaving"
"""The ASGI extension by which our server offers a :class:`Leaving`."""


class ClientGoneError(Exception):
    """The client closed the connection; there is nobody left to answer."""


async def read_body(receive: Receive) -> bytes:
    """Read a request's whole body; its size is bounded by the body limit around us.

    Raises:
        ClientGoneError: the client left before it had sent everything.
    """
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


class Leaving(Protocol):
    """Tells at once when the client leaves; other servers have to be asked.

    Attributes:
        is_whole: the request has come in whole.
    """

    is_whole: bool

    def when_left(self, callback: Callable[[], object] | None) -> None:
        """Have `callback` called once, should the client leave before its answer is complete.

        None calls that off.
        """


def leaving_of(scope: Scope) -> Leaving | None:
    """Return what the server offers, if it does."""
    return cast("Leaving | None", scope.get("extensions", {}).get(LEAVING))


class CancelOnLeave:
    """``with``: cancel the block when the client leaves, and raise ClientGoneError then.

    ASGI servers do not cancel an application whose client has left; they only say so to whoever
    calls ``receive``. Enter after the body has been read. Call `disarm` before the last message of
    the response, because servers report a disconnect after it too. A client that leaves at once is
    noticed within `WATCH_AFTER_S` all the same.

    Args:
        receive: ASGI's.
        leaving: the server's own word on it, which spares a timer and a task.
    """

    __slots__ = ("_is_gone", "_leaving", "_owner", "_receive", "_timer", "_watcher")

    def __init__(self, receive: Receive, leaving: Leaving | None = None) -> None:
        self._receive = receive
        self._leaving = leaving
        self._is_gone = False
        self._owner: asyncio.Task[object] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._watcher: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        self._owner = asyncio.current_task()
        if self._leaving is not None:
            self._leaving.when_left(self._left)
        else:
            self._timer = asyncio.get_running_loop().call_later(WATCH_AFTER_S, self._begin)
        return self

    def has_left(self) -> bool:
        """Whether the client has, so that this is why the block is cancelled."""
        return self._is_gone

    def disarm(self) -> None:
        """Stop watching; there is no await between this and its effect."""
        if self._leaving is not None:
            self._leaving.when_left(None)
            return
        if self._timer is not None:
            self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.disarm()
        if not self._is_gone or self._owner is None:
            return
        # Someone else may have cancelled us too (a server shutting down); then that one wins.
        is_ours = self._owner.uncancel() == 0
        if is_ours and isinstance(error, asyncio.CancelledError):
            raise ClientGoneError from error

    def _begin(self) -> None:
        self._watcher = spawn(self._watch(), name="client-watch")

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._left()

    def _left(self) -> None:
        self._is_gone = True
        if self._owner is not None:
            self._owner.cancel()
