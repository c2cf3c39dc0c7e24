"""Every provider that litellm knows and that does not speak OpenAI's wire itself.

Imported only when a configured model names it: the import takes seconds and hundreds of megabytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import importlib.metadata
import logging
import os
import warnings
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any

from proxy.backends import litellm_params
from proxy.backends.base import Reply
from proxy.backends.config import LiteLLMConfig
from proxy.backends.litellm_errors import ProviderAnswer, translate
from proxy.backends.litellm_wire import Wire
from proxy.backends.render import JSON_HEADERS, SSE_HEADERS
from proxy.backends.retries import Reason, Retry, after_status, uncounted
from proxy.domain import Capabilities, ChatRequest, Transcript
from proxy.errors import BackendError, ModelLoadError

_log = logging.getLogger(__name__)

# Published by an intruder on 2026-03-24; both steal credentials when Python starts.
COMPROMISED = frozenset({"1.82.7", "1.82.8"})

# Read while litellm is imported: it fetches price lists, headers and news otherwise.
_OFFLINE = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_OFFLINE_MODE": "true",
}


_LOGGERS = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy")


class LiteLLMBackend:
    """One model of one provider.

    Args:
        config: litellm's name of it, and where its key is.
        environ: where API keys are looked up.

    Attributes:
        on_retry: see :class:`~proxy.backends.base.MayRetry`.
    """

    def __init__(self, config: LiteLLMConfig, *, environ: Mapping[str, str] = os.environ) -> None:
        self._config = config
        self._environ = environ
        self._key = ""
        self._litellm: Any = None
        self._failures: type[Exception] = Exception
        self._capabilities = Capabilities(settings={})
        self._allowed: frozenset[str] = frozenset()
        self._reported: set[str] = set()
        self.on_retry: Callable[[Reason], None] = uncounted

    @property
    def model(self) -> str:
        """The served name."""
        return self._config.name

    @property
    def capabilities(self) -> Capabilities:
        """What the provider takes, by litellm's own tables; known once started."""
        return self._capabilities

    async def start(self) -> None:
        """Import litellm and look up what the provider takes; nothing is sent.

        Raises:
            ModelLoadError: a compromised release, no key, or no such provider.
        """
        refuse_compromised(importlib.metadata.version("litellm"), model=self.model)
        self._key = self._looked_up_key()
        self._litellm, self._failures = await asyncio.to_thread(_imported)
        model, provider = self._provider()
        supported = self._litellm.get_supported_openai_params(
            model=model, custom_llm_provider=provider
        )
        self._capabilities = litellm_params.capabilities(provider, supported or ())
        self._allowed = litellm_params.allowed_fields(self._capabilities, supported or ())
        _settle_price(self._litellm, f"{provider}/{model}", provider)
        await self._warm_up()

    async def close(self) -> None:
        """Close litellm's connections, which it keeps for the whole process."""
        if self._litellm is not None:
            await self._litellm.close_litellm_async_clients()

    @asynccontextmanager
    async def chat(self, request: ChatRequest, transcript: Transcript) -> AsyncIterator[Reply]:
        """Answer one request; leaving closes the provider's stream."""
        try:
            answer = await self._asked(request)
        except self._failures as error:
            reply = self._refused(error, transcript)
            async with aclosing(_once(reply.body)) as chunks:
                yield Reply(reply.status, reply.headers, chunks)
            return
        wire = Wire(request, transcript)
        if not request.is_stream:
            async with aclosing(_once(wire.body(answer))) as chunks:
                yield Reply(200, JSON_HEADERS, chunks)
            return
        async with aclosing(answer), aclosing(self._frames(answer, wire, transcript)) as chunks:
            yield Reply(200, SSE_HEADERS, chunks)

    async def _asked(self, request: ChatRequest) -> Any:
        """Ask; a provider that says when to come back is asked again, as configured."""
        n_retries = 0
        while True:
            try:
                return await self._litellm.acompletion(**self._arguments(request))
            except self._failures as error:
                retry = self._retry(error, n_retries)
                if retry is None:
                    raise
            n_retries += 1
            self.on_retry(retry.reason)
            await asyncio.sleep(retry.pause_s)

    def _retry(self, error: Exception, n_retries: int) -> Retry | None:
        outcome = translate(error, model=self.model)
        if isinstance(outcome, BackendError):
            return None
        return after_status(outcome.status, dict(outcome.headers), n_retries, self._config.retries)

    async def _frames(
        self, stream: AsyncIterator[Any], wire: Wire, transcript: Transcript
    ) -> AsyncGenerator[bytes]:
        try:
            async for chunk in stream:
                if frame := wire.frame(chunk):
                    yield frame
        except self._failures as error:
            reply = self._refused(error, transcript)
            raise BackendError(
                f"Model {self.model}: the provider broke off with status {reply.status}.",
                model=self.model,
                error_type="provider",
            ) from error
        yield wire.end()

    def _refused(self, error: Exception, transcript: Transcript) -> ProviderAnswer:
        """The provider's own error; raises BackendError where it gave none."""
        outcome = translate(error, model=self.model, key=self._key)
        if isinstance(outcome, BackendError):
            transcript.error_type = outcome.error_type
            raise outcome from error
        transcript.error_type = "provider"
        return outcome

    def _arguments(self, request: ChatRequest) -> dict[str, Any]:
        taken, left_out = litellm_params.keywords(request.fields, self._allowed)
        self._report(left_out)
        arguments = {
            **taken,
            "model": self._config.upstream_model,
            # litellm rewrites messages in place; ours are shared with whoever sent them.
            "messages": copy.deepcopy(list(request.messages)),
            "timeout": self._config.timeout_s,
            "num_retries": 0,
            "max_retries": 0,
        }
        if request.is_stream:
            arguments |= {"stream": True, "stream_options": {"include_usage": True}}
        if self._key:
            arguments["api_key"] = self._key
        if self._config.api_base:
            arguments["api_base"] = self._config.api_base
        return arguments

    def _report(self, left_out: tuple[str, ...]) -> None:
        """Say once a field that this provider does not take it."""
        for name in left_out:
            if name not in self._reported and len(self._reported) < _MAX_REPORTED:
                self._reported.add(name)
                _log.warning("field_left_out model=%s field=%.80r", self.model, name)

    def _looked_up_key(self) -> str:
        variable = self._config.api_key_env
        if variable is None:
            return ""
        key = self._environ.get(variable, "").strip()
        if not key:
            raise ModelLoadError(
                f"models: {self.model}: the environment variable {variable} holds no key. Set it, "
                "or remove `api_key_env` to use the provider's usual one.",
                model=self.model,
            )
        return key

    def _provider(self) -> tuple[str, str]:
        """The model's name at its provider, and the provider's."""
        name = self._config.upstream_model
        try:
            model, provider, _, _ = self._litellm.get_llm_provider(name)
        except self._failures as error:
            raise ModelLoadError(
                f"models: {self.model}: litellm knows no provider of {name!r}. Write the provider "
                "first, as in `anthropic/claude-sonnet-4-5`.",
                model=self.model,
            ) from error
        return model, provider

    async def _warm_up(self) -> None:
        """Answer a request that is never sent.

        litellm imports half of itself during its first request, seconds in which the event loop
        would serve nobody.
        """
        with contextlib.suppress(self._failures):
            await self._litellm.acompletion(
                model=self._config.upstream_model,
                messages=[{"role": "user", "content": "."}],
                mock_response=".",
            )


_MAX_REPORTED = 100


def _settle_price(litellm: Any, name: str, provider: str) -> None:
    """Give a model a price, so that litellm does not ask the provider's server for one.

    It asks Ollama's ``/api/show``, for a log nobody reads, with a blocking request on the event
    loop: a slow server would stop the whole proxy.
    """
    free = {"input_cost_per_token": 0.0, "output_cost_per_token": 0.0}
    litellm.model_cost.setdefault(name, {"litellm_provider": provider, "mode": "chat", **free})


def refuse_compromised(version: str, *, model: str) -> None:
    """Raise ModelLoadError for the two releases that were not litellm's own."""
    if version in COMPROMISED:
        raise ModelLoadError(
            f"models: {model}: litellm {version} is a compromised release that steals credentials. "
            "Remove it, rotate every key this machine has seen, and run: "
            "pip install 'litellm>=1.106,!=1.82.7,!=1.82.8'",
            model=model,
        )


def _imported() -> tuple[Any, type[Exception]]:
    """Return litellm, quiet and offline, and the base class of all it raises."""
    for name, value in _OFFLINE.items():
        os.environ.setdefault(name, value)
    # Its typed dictionaries make pydantic complain, to people who can do nothing about it; some
    # only when the first request imports more of it.
    warnings.filterwarnings("ignore", message=".*`ReadOnly` qualifier", category=UserWarning)
    import litellm
    import openai

    for name in _LOGGERS:
        # They print every request through a handler of their own, at debug level with its text.
        logger = logging.getLogger(name)
        logger.setLevel(logging.WARNING)
        logger.handlers.clear()
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.turn_off_message_logging = True
    litellm.drop_params = False
    return litellm, openai.OpenAIError


async def _once(body: bytes) -> AsyncGenerator[bytes]:
    yield body
