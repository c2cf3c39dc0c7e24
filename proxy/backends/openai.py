"""Any server that speaks OpenAI's wire, byte for byte.

The client's body goes upstream unchanged while no policy and no rename touches it; otherwise it is
encoded again, unknown fields included. The answer's bytes go back unparsed, and a side copy feeds
the observer. Streams are forwarded exactly as asked for: ``stream_options`` is not added behind the
client's back, so a stream has token counts only if the client wants them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial

from proxy.backends.config import OpenAIConfig
from proxy.backends.flavours import capabilities
from proxy.backends.forward import Forwarded, Terms
from proxy.backends.observe_completions import Record, record_completion
from proxy.backends.observe_responses import record_response
from proxy.backends.request_body import refuse_folded_messages, request_body
from proxy.backends.retries import Reason, uncounted
from proxy.backends.route_flavours import route_capabilities
from proxy.backends.routes import (
    CHAT_PATH,
    COMPLETIONS_PATH,
    EMBEDDINGS_PATH,
    PREFIX,
    RESPONSES_PATH,
)
from proxy.domain import Capabilities, ChatRequest, Transcript
from proxy.errors import ModelLoadError
from proxy.upstream.base import Headers, UpstreamClient
from proxy.upstream.choose import AutoClient
from proxy.upstream.endpoint import Endpoint
from proxy.upstream.tls import tls_context

_RECORDS: Mapping[str, Record] = {
    CHAT_PATH: record_completion,
    COMPLETIONS_PATH: record_completion,
    RESPONSES_PATH: record_response,
    EMBEDDINGS_PATH: record_completion,
}
"""How answers are read, where they are: embeddings for their token counts."""


class OpenAIBackend:
    """One model of an OpenAI-compatible server.

    Args:
        config: where it is and what it is.
        client: the process's connections, which somebody else closes; None for its own.
        environ: where API keys are looked up.
        extra_headers: what a server of our own is told beside each request.

    Attributes:
        on_retry: see :class:`~proxy.backends.base.MayRetry`.
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
        self._base = Endpoint.parse(config.base_url, client=config.client, ca_file=config.ca_file)
        self._endpoint = self._at(CHAT_PATH)
        self._timeouts = config.timeouts.for_client()
        self._folds_case = config.flavour == "ollama"
        self._capabilities = capabilities(config.flavour, max_tokens_field=config.max_tokens_field)
        self._upstream_model = config.upstream_model or config.name
        self._key = ""
        self._headers = _request_headers("")
        self.on_retry: Callable[[Reason], None] = uncounted
        self._terms = self._terms_on(CHAT_PATH)

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
        self._terms = self._terms_on(CHAT_PATH)

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

    def chat(self, request: ChatRequest, transcript: Transcript) -> Forwarded:
        """Forward one request; leaving closes the upstream connection if it is still busy."""
        headers = self._headers + self._extra_headers(request)
        body = self._body(request, CHAT_PATH)
        ask = partial(self._client.request, "POST", self._endpoint, headers, body, self._timeouts)
        return Forwarded(ask, transcript, self._terms)

    def capabilities_on(self, path: str) -> Capabilities:
        """What servers of this flavour honour on another route."""
        return route_capabilities(self._config.flavour, path)

    def forward(self, path: str, request: ChatRequest, transcript: Transcript) -> Forwarded:
        """Forward one request on another route; it is sent by its fields alone."""
        body = self._body(request, path)
        ask = partial(
            self._client.request, "POST", self._at(path), self._headers, body, self._timeouts
        )
        return Forwarded(ask, transcript, self._terms_on(path))

    def _at(self, path: str) -> Endpoint:
        return self._base.at(path.removeprefix(PREFIX))

    def _terms_on(self, path: str) -> Terms:
        return Terms(
            self.model, self._key, _RECORDS.get(path), self._config.retries, self._count_retry
        )

    def _count_retry(self, reason: Reason) -> None:
        self.on_retry(reason)

    def _body(self, request: ChatRequest, path: str) -> bytes:
        if self._folds_case:
            refuse_folded_messages(request)
        return request_body(request, path, model=self._upstream_model)


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
