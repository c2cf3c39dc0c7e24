"""Any server that speaks OpenAI's wire, byte for byte.

The client's body goes upstream unchanged while no policy and no rename touches it; otherwise it is
encoded again, unknown fields included. The answer's bytes go back unparsed, and a side copy feeds
the observer. Streams are forwarded exactly as asked for: ``stream_options`` is not added behind the
client's back, so a stream has token counts only if the client wants them.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Self

import msgspec

from proxy.backends.base import Reply
from proxy.backends.config import OpenAIConfig
from proxy.backends.flavours import capabilities
from proxy.backends.observe import Observer, observer
from proxy.domain import Capabilities, ChatRequest, Transcript
from proxy.errors import BackendError, ModelLoadError, UpstreamError
from proxy.upstream.base import Headers, Response, UpstreamClient
from proxy.upstream.choose import AutoClient
from proxy.upstream.endpoint import Endpoint
from proxy.upstream.tls import tls_context

_PASSED_ON = frozenset({
    b"content-type", b"content-encoding", b"retry-after", b"retry-after-ms", b"x-should-retry",
    b"openai-version", b"openai-processing-ms",
})  # fmt: skip
_PASSED_ON_PREFIX = b"x-ratelimit-"
"""All else stays here: cookies, hop-by-hop fields, whatever names the upstream or its owner."""

_FIRST_ERROR_STATUS = 400
_MAX_ERROR_BYTES = 2**20


class OpenAIBackend:
    """One model of an OpenAI-compatible server.

    Args:
        config: where it is and what it is.
        client: the process's connections, which somebody else closes; None for its own.
        environ: where API keys are looked up.
        extra_headers: what a server of our own is told beside each request.
    """

    def __init__(
        self,
        config: OpenAIConfig,
        client: UpstreamClient | None = None,
        *,
        environ: Mapping[str, str] = os.environ,
        extra_headers: Callable[[ChatRequest], Headers] | None = None,
    ) -> None:
        self._extra_headers = extra_headers or _no_headers
        self._config = config
        self._client: UpstreamClient = AutoClient() if client is None else client
        self._owns_client = client is None
        self._environ = environ
        base = Endpoint.parse(config.base_url, client=config.client, ca_file=config.ca_file)
        self._endpoint = base.at("/chat/completions")
        self._timeouts = config.timeouts.for_client()
        self._capabilities = capabilities(config.flavour, max_tokens_field=config.max_tokens_field)
        self._upstream_model = config.upstream_model or config.name
        self._key = ""
        self._headers = _request_headers("")

    @property
    def model(self) -> str:
        """The served name."""
        return self._config.name

    @property
    def capabilities(self) -> Capabilities:
        """What servers of this flavour honour."""
        return self._capabilities

    async def start(self) -> None:
        """Look up the key and whom to trust.

        The server itself may come later: start-up order must not matter.
        """
        self._check_authorities()
        variable = self._config.api_key_env
        if variable is None:
            return
        self._key = self._environ.get(variable, "").strip()
        if not (self._key and self._key.isascii() and self._key.isprintable()):
            raise ModelLoadError(
                f"models: {self.model}: the environment variable {variable} holds no usable key. "
                "Set it, or remove `api_key_env` if the server needs none.",
                model=self.model,
            )
        self._headers = _request_headers(self._key)

    def _check_authorities(self) -> None:
        """Read the certificate authorities now: at the first request it would be too late."""
        if not self._endpoint.url.startswith("https://"):
            return
        try:
            tls_context(self._config.ca_file)
        except OSError as error:
            raise ModelLoadError(
                f"models: {self.model}: `ca_file` {self._config.ca_file} cannot be used "
                f"({error.strerror or error}). It must be a PEM file of certificates.",
                model=self.model,
            ) from error

    async def close(self) -> None:
        """Close the connections, unless they are shared."""
        if self._owns_client:
            await self._client.close()

    @asynccontextmanager
    async def chat(self, request: ChatRequest, transcript: Transcript) -> AsyncIterator[Reply]:
        """Forward one request; leaving closes the upstream connection if it is still busy."""
        headers = (*self._headers, *self._extra_headers(request))
        body = self._body(request)
        try:
            async with self._client.request(
                "POST", self._endpoint, headers, body, self._timeouts
            ) as response:
                chunks = await self._chunks(response, transcript)
                yield Reply(response.status, _reply_headers(response.headers), chunks)
        except UpstreamError as error:
            raise self._failed(error, transcript) from error

    def _body(self, request: ChatRequest) -> bytes:
        if request.raw is not None and request.model == self._upstream_model:
            return request.raw
        return msgspec.json.encode(
            {
                "model": self._upstream_model,
                "messages": request.messages,
                **request.fields,
            }
        )

    async def _chunks(self, response: Response, transcript: Transcript) -> AsyncIterator[bytes]:
        if response.status >= _FIRST_ERROR_STATUS:
            transcript.error_type = "provider"
            return _Whole(await self._error_body(response))
        watch = observer(
            transcript,
            content_type=response.header(b"content-type"),
            content_encoding=response.header(b"content-encoding"),
        )
        return _Observed(response.chunks, watch, lambda error: self._failed(error, transcript))

    async def _error_body(self, response: Response) -> bytes:
        """An upstream's own error, as it is, but for our key, should it quote it."""
        body = bytearray()
        async for chunk in response.chunks:
            body += chunk
            if len(body) > _MAX_ERROR_BYTES:
                break
        return bytes(body).replace(self._key.encode(), b"***") if self._key else bytes(body)

    def _failed(self, error: UpstreamError, transcript: Transcript) -> BackendError:
        transcript.error_type = error.error_type
        return BackendError(
            f"Model {self.model}: {error.message}",
            model=self.model,
            error_type=error.error_type,
            status=504 if error.error_type == "timeout" else 502,
            retryable=not error.is_sent,
        )


class _Observed:
    """An answer's chunks, each shown to the observer before it is handed on.

    A class, because it stands in the path of every token: an asynchronous generator costs twice as
    much, and its closing once more.
    """

    __slots__ = ("_chunks", "_failed", "_observer")

    def __init__(
        self,
        chunks: AsyncIterator[bytes],
        observer: Observer,
        failed: Callable[[UpstreamError], BackendError],
    ) -> None:
        self._chunks = chunks
        self._observer = observer
        self._failed = failed

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await self._chunks.__anext__()
        except StopAsyncIteration:
            self._observer.finish()
            raise
        except UpstreamError as error:
            raise self._failed(error) from error
        self._observer.feed(chunk)
        return chunk


class _Whole:
    """A body that is there already, as its only chunk."""

    __slots__ = ("_body",)

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        body, self._body = self._body, None
        if body is None:
            raise StopAsyncIteration
        return body


def _no_headers(_request: ChatRequest) -> Headers:
    return ()


def _request_headers(key: str) -> Headers:
    """Ours alone: nothing of the client's, above all not its own ``authorization``."""
    plain: Headers = (
        (b"content-type", b"application/json"),
        (b"accept", b"application/json, text/event-stream"),
        (b"accept-encoding", b"identity"),
        (b"user-agent", b"guardtune"),
    )
    return (*plain, (b"authorization", b"Bearer " + key.encode())) if key else plain


def _reply_headers(headers: Headers) -> Headers:
    kept = tuple(
        [
            field
            for field in headers
            if field[0] in _PASSED_ON or field[0].startswith(_PASSED_ON_PREFIX)
        ]
    )
    if b"content-type" in dict(kept):
        return kept
    return ((b"content-type", b"application/json"), *kept)
