"""Where a proxy lets itself be watched: each place as it is while nobody does."""

from __future__ import annotations

from starlette.middleware import Middleware

from proxy.judges.base import Judge
from proxy.pipeline import Prepare
from proxy.upstream.base import UpstreamClient


class Hooks:
    """What the parts of a proxy are passed through when it is put together; here, unchanged."""

    def middleware(self, paths: frozenset[str]) -> list[Middleware]:  # noqa: ARG002 - for those who watch
        """What goes around every request.

        Args:
            paths: the routes that models answer on.
        """
        return []

    def prepare(self, prepare: Prepare) -> Prepare:
        """What puts a request to a model."""
        return prepare

    def client(self, client: UpstreamClient) -> UpstreamClient:
        """What reaches upstreams."""
        return client

    def judge(self, judge: Judge) -> Judge:
        """What judges answers."""
        return judge
