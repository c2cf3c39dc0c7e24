"""Asking an engine's process: OpenAI's wire on its socket, and its errors as what they were."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from proxy.backends.base import Reply
from proxy.backends.config import OpenAIConfig, RetriesConfig, TimeoutsConfig
from proxy.backends.engine_wire import PRIORITY_HEADER
from proxy.backends.openai import OpenAIBackend
from proxy.domain import ChatRequest, Transcript
from proxy.errors import BackendError, GuardTuneError, OverloadedError, RequestError
from proxy.upstream.base import Headers, UpstreamClient

# An engine that decodes a long answer for a whole hour is slow; one that is gone closes its socket.
_TIMEOUTS = TimeoutsConfig(first_byte_s=3600, idle_s=3600)
_FIRST_ERROR_STATUS = 400
_FIRST_SERVER_ERROR = 500
_UNAVAILABLE = 503
_GONE = frozenset({"connect", "closed", "protocol", "timeout"})


class EngineClient:
    """Sends requests to one engine's socket, whichever process listens there by then.

    Args:
        model: the served name.
        socket_path: where the engine listens.
        client: connections; the caller closes them.
    """

    def __init__(self, model: str, socket_path: str, client: UpstreamClient) -> None:
        config = OpenAIConfig(
            name=model,
            base_url=f"unix:{socket_path}",
            timeouts=_TIMEOUTS,
            retries=RetriesConfig(max_retries=0),
        )
        self._model = model
        self._upstream = OpenAIBackend(config, client, extra_headers=_extra_headers)

    @asynccontextmanager
    async def chat(self, request: ChatRequest, transcript: Transcript) -> AsyncIterator[Reply]:
        """Answer one request; leaving closes its connection, on which the engine frees the slot."""
        try:
            async with self._upstream.chat(request, transcript) as reply:
                if reply.status >= _FIRST_ERROR_STATUS:
                    raise await self._refusal(reply)
                yield reply
        except BackendError as error:
            if error.error_type not in _GONE:
                raise
            transcript.error_type = "engine"
            raise BackendError(
                f"The engine of {self._model} stopped while it answered. It restarts by itself; "
                "try again.",
                model=self._model, error_type="engine", status=_UNAVAILABLE, retryable=True,
            ) from error  # fmt: skip

    async def _refusal(self, reply: Reply) -> GuardTuneError:
        """The engine's own error, as the in-process backend would have raised it."""
        body = b"".join([chunk async for chunk in reply.chunks])
        error: dict[str, Any] = msgspec.json.decode(body)["error"]
        code, message = error["code"], error["message"]
        retry_after = dict(reply.headers).get(b"retry-after")
        if retry_after is not None:
            return OverloadedError(code, retry_after_s=int(retry_after))
        if reply.status >= _FIRST_SERVER_ERROR:
            return BackendError(
                message, model=self._model, error_type="engine", status=reply.status, retryable=True
            )
        return RequestError(
            message, status=reply.status, error_type=error["type"], param=error["param"], code=code
        )


def _extra_headers(request: ChatRequest) -> Headers:
    return (
        (PRIORITY_HEADER, b"%d" % request.priority),
        (b"x-request-id", request.request_id.encode("ascii", "replace")),
    )
