"""What every request passes on its way in, and every answer on its way out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from proxy.errors import RequestError
from proxy.middleware.access_log import is_logged, logged
from proxy.middleware.auth import Door
from proxy.middleware.body_limit import BodyLimit
from proxy.middleware.errors import FAILURES, tell
from proxy.middleware.private_headers import has_ours, without_ours
from proxy.middleware.request_id import request_id
from proxy.wire.client import leaving_of
from proxy.wire.facts import RequestFacts, facts_of, fields_of
from proxy.wire.outbound import outbound


class Edge:
    """Gives a request its id, logs it, lets it in or not, and turns what fails into an answer.

    All in one layer, each rule in the module of its name: the headers are looked through once, and
    one coroutine stands around the answer.

    Args:
        app: what is inside.
        door: asks for keys.
        bodies: how large they may be, and how slow.
        count_bug: called for each exception that is not one of ours.
        count_refusal: called with the path, as our routes are called, and the status of each
            request that comes no further than here.
        outer: layers behind the id, and around the log.
        inner: layers behind the log, and around all that a request may fail at: an error passes
            them as any other answer does.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        door: Door,
        bodies: BodyLimit,
        count_bug: Callable[[], None],
        count_refusal: Callable[[str, int], None],
        outer: Sequence[Middleware] = (),
        inner: Sequence[Middleware] = (),
    ) -> None:
        self._app = app
        self._door = door
        self._bodies = bodies
        self._count_bug = count_bug
        self._count_refusal = count_refusal
        self._log = wrapped(self._logged, outer)
        self._answer = wrapped(self._answered, inner)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Handle one request."""
        if scope["type"] != "http":
            return self._log(scope, receive, send)
        facts, response = facts_of(scope), outbound(send)
        facts.request_id = request_id(facts.fields.get(b"x-request-id"))
        response.add_header(b"x-request-id", facts.request_id.encode("ascii"))
        return self._log(scope, receive, response)

    # What hands on the inner coroutine, and has none of its own, costs a delta of a stream nothing.

    def _logged(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http":
            path = scope["path"] if not scope.get("root_path") else facts_of(scope).path
            if is_logged(path):
                return logged(self._answer, scope, receive, outbound(send))
        return self._answer(scope, receive, send)

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        facts, response = facts_of(scope), outbound(send)
        try:
            if has_ours(facts.fields):
                scope = without_ours(scope)
                facts.fields = fields_of(scope["headers"])
            await self._app(scope, self._admitted(scope, receive, facts), response)
        except FAILURES as error:
            await tell(error, response, facts, count_bug=self._count_bug)

    def _admitted(self, scope: Scope, receive: Receive, facts: RequestFacts) -> Receive:
        """Note whose request it is, and return a ``receive`` that keeps to the limits."""
        fields = facts.fields
        try:
            facts.key_id = self._door.let_in(facts.path, fields.get(b"authorization"))
            return self._bodies.around(receive, fields.get(b"content-length"), leaving_of(scope))
        except RequestError as error:
            self._count_refusal(facts.path, error.status)
            raise


def wrapped(app: ASGIApp, stack: Sequence[Middleware]) -> ASGIApp:
    """Put middleware around an application, the first of the list outermost."""
    for layer in reversed(stack):
        app = layer.cls(app, *layer.args, **layer.kwargs)
    return app
