"""What a user writes about a served model: one strict model per backend, told apart by ``backend``.

Everything has a default but the name and where to find the model, so that the shortest useful entry
is three lines of YAML.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from proxy.upstream.base import Timeouts
from proxy.upstream.endpoint import ClientChoice, Endpoint

Name = Annotated[
    str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@+-]*$")
]
"""A served model's name: what clients put into ``model``."""

PLAIN = "plain"
"""A ``chat_template`` for base models: one line a message, the role before it."""

Flavour = Literal["openai", "vllm", "llama_server", "ollama", "tgi"]
"""Which server speaks OpenAI's wire at the other end; decides which settings it honours."""


class _Config(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class TimeoutsConfig(_Config):
    """How long to wait for an upstream, in seconds.

    Args:
        connect_s: until the connection stands, TLS included.
        first_byte_s: from the request sent until the response's headers; a model that loads on
            demand needs minutes here.
        idle_s: between two pieces of a running answer.
        total_s: for the whole answer; None for as long as pieces keep coming.
    """

    connect_s: float = Field(default=5.0, gt=0, le=300)
    first_byte_s: float = Field(default=120.0, gt=0, le=3600)
    idle_s: float = Field(default=120.0, gt=0, le=3600)
    total_s: float | None = Field(default=None, gt=0, le=86_400)

    def for_client(self) -> Timeouts:
        """The same, as the upstream client takes it."""
        return Timeouts(**self.model_dump())


class RetriesConfig(_Config):
    """When to ask an upstream again: only while nothing of an answer has come.

    That is after a connection that could not be made, and after 429 or 503 with a `Retry-After`.

    Args:
        max_retries: attempts after the first one; 0 for none.
        max_wait_s: the longest pause before one, in seconds. A server that asks for a longer one is
            not asked again: its answer passes, and the client decides. Meanwhile the request keeps
            its place among those in flight.
    """

    max_retries: int = Field(default=1, ge=0, le=10)
    max_wait_s: float = Field(default=1.0, ge=0, le=60)


class _ModelConfig(_Config):
    """What every served model has.

    Args:
        name: the served name.
        fallbacks: served names to ask instead, in this order, when this one fails before the first
            byte of an answer. Each answers under the policy that matches it. Only `serve` does so.
        strict: refuse (400) what the backend cannot honour of a policy, and what a client asks
            against one; by default as the common `strict` says. Only `serve` does so.
    """

    name: Name
    fallbacks: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    strict: bool | None = None


class LlamaCppConfig(_ModelConfig):
    """A GGUF file, run on this machine by llama.cpp.

    Args:
        path: the GGUF file, ``hf:owner/repo/file.gguf`` for one from Hugging Face, or ``embedded``
            for the one of the ``demo`` extra.
        n_ctx_tokens: tokens that one request may use, prompt and answer together.
        slots: sequences decoded together in one batch.
        threads: decode threads; None for the cores that are really available.
        gpu_layers: layers put on a GPU; -1 for all.
        flash_attention: ``auto`` is llama.cpp's choice, which is on where it can be. On a CPU
            ``off`` reads long prompts and continues long conversations faster, and decodes many
            short chats together more slowly.
        convert: rewrite the weights once into this type and cache the result, because some
            quantisations decode at half the speed of nearly the same weights in F16.
        chat_template: a Jinja template instead of the file's own, or ``plain`` for a base model,
            which has none.
        max_queued: requests that may wait for a slot; more get 503.
        step_timeout_s: a child that takes longer for one step, of at most 512 prompt tokens, counts
            as hung and is replaced; raise it for a model that reads less than a token a second.
        process: where `serve` runs it. In a ``child``, an abort of llama.cpp costs its requests
            and a restart; ``inline``, it ends the server. The tuner always runs it inline.
    """

    backend: Literal["llama_cpp"] = "llama_cpp"
    path: str = Field(min_length=1)
    n_ctx_tokens: int = Field(default=8192, ge=64, le=4_194_304)
    slots: int = Field(default=16, ge=1, le=256)
    threads: int | None = Field(default=None, ge=1, le=512)
    gpu_layers: int = Field(default=0, ge=-1, le=10_000)
    flash_attention: Literal["auto", "on", "off"] = "auto"
    convert: Literal["f16", "q8_0", "q4_0"] | None = None
    chat_template: str | None = Field(default=None, min_length=1)
    max_queued: int = Field(default=256, ge=0, le=100_000)
    step_timeout_s: float = Field(default=600.0, ge=10, le=86_400)
    process: Literal["child", "inline"] = "child"

    @field_validator("chat_template")
    @classmethod
    def _named_template(cls, value: str | None) -> str | None:
        from proxy.engine.chat_template import PLAIN_TEMPLATE

        return PLAIN_TEMPLATE if value == PLAIN else value


class OpenAIConfig(_ModelConfig):
    """Any server that speaks OpenAI's wire; bytes pass through.

    Args:
        base_url: what stands before ``/chat/completions``, usually ending in ``/v1``; or
            ``unix:/path.sock`` for a server on a unix socket, whose base is then ``/v1``.
        flavour: which server it is.
        upstream_model: the name it knows the model by, if that is another one.
        api_key_env: the environment variable that holds its key; the key itself is never written
            into a file.
        max_tokens_field: how it wants to be told the limit; OpenAI's reasoning models refuse
            ``max_tokens``.
        timeouts: how long to wait for it; anew with each attempt.
        retries: when to ask it again.
        client: which HTTP client reaches it. ``auto`` takes the fast one, ``lean``, and leaves to
            ``aiohttp`` what that one cannot do: HTTP proxies from the environment, credentials in
            the URL.
        ca_file: PEM file of the certificate authorities to trust for it instead of the system's.
    """

    backend: Literal["openai"] = "openai"
    base_url: str
    flavour: Flavour = "openai"
    upstream_model: str | None = Field(default=None, min_length=1)
    api_key_env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    timeouts: TimeoutsConfig = TimeoutsConfig()
    retries: RetriesConfig = RetriesConfig()
    client: ClientChoice = "auto"
    ca_file: str | None = Field(default=None, min_length=1)

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        Endpoint.parse(value)
        return value


class LiteLLMConfig(_ModelConfig):
    """Any provider that litellm knows.

    Args:
        upstream_model: litellm's own name, provider first: ``anthropic/claude-sonnet-4-5``.
        api_key_env: the environment variable that holds the key; None for the provider's usual one.
        api_base: another address than the provider's usual one.
        timeout_s: for the whole answer; for a stream, until each piece.
        retries: when to ask it again; only after 429 or 503, because litellm does not tell whether
            a request whose connection failed had been sent.
    """

    backend: Literal["litellm"] = "litellm"
    upstream_model: str = Field(min_length=1)
    api_key_env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    api_base: str | None = Field(default=None, pattern=r"^https?://")
    timeout_s: float = Field(default=120.0, gt=0, le=3600)
    retries: RetriesConfig = RetriesConfig()


class ScriptedRule(_Config):
    """What the scripted backend answers when both patterns are found.

    Args:
        user: regular expression searched in the last user message; None matches all.
        system: regular expression searched in the system messages; None matches all.
        answers: templates, one chosen by the request's seed; ``{user}`` stands for the last user
            message, ``{model}`` for the served name.
        finish_reason: what ends the answer.
        status: answer with this error status instead.
        break_after: break the connection after this many deltas.
        hang: never answer; the request ends when the client leaves.
    """

    user: str | None = None
    system: str | None = None
    answers: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] = ("OK.",)
    finish_reason: Literal["stop", "length", "content_filter"] = "stop"
    status: int | None = Field(default=None, ge=400, le=599)
    break_after: int | None = Field(default=None, ge=0)
    hang: bool = False

    @field_validator("user", "system")
    @classmethod
    def _is_a_pattern(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from error
        return value


class ScriptedConfig(_ModelConfig):
    """A fake model with scripted answers, for tests, demonstrations and fault injection.

    Args:
        rules: the first that matches answers.
    """

    backend: Literal["scripted"] = "scripted"
    rules: Annotated[tuple[ScriptedRule, ...], Field(strict=False)] = (ScriptedRule(),)


ModelConfig = Annotated[
    LlamaCppConfig | OpenAIConfig | LiteLLMConfig | ScriptedConfig, Field(discriminator="backend")
]
"""One entry of ``models:``."""

EMBEDDED_MODEL = LlamaCppConfig(name="smollm2-135m-instruct", path="embedded", convert="f16")
"""What is served when the configuration names no model."""
