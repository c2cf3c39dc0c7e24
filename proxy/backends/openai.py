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

import msgspec

from proxy.backends.config import OpenAIConfig
from proxy.backends.flavours import capabilities
from proxy.backends.forward import Forwarded
from proxy.domain import Capabilities, ChatRequest, Transcript
from proxy.errors import ModelLoadError
from proxy.upstream.base import Headers, UpstreamClient
from proxy.upstream.choose import AutoClient
from proxy.upstream.endpoint import Endpoint
from proxy.upstream.tls import tls_context


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

    def chat(self, request: ChatRequest, transcript: Transcript) -> Forwarded:
        """Forward one request; leaving closes the upstream connection if it is still busy."""
        headers = self._headers + self._extra_headers(request)
        body = self._body(request)
        ask = partial(self._client.request, "POST", self._endpoint, headers, body, self._timeouts)
        return Forwarded(ask, transcript, model=self.model, key=self._key)

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
