"""The server's configuration: one YAML file, environment variables over it, flags over both.

Everything has a default: without any configuration the embedded model is served on loopback, under
the policies of the folder ``policies``. Relative paths start at the working directory.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from proxy.backends.config import EMBEDDED_MODEL, ModelConfig
from proxy.backends.routes import CHAT_PATH, COMPLETIONS_PATH, EMBEDDINGS_PATH, RESPONSES_PATH
from proxy.errors import Problem, SettingsError
from proxy.judges.config import JudgeConfig, NamedConfig
from proxy.judges.registry import DEFAULT as DEFAULT_JUDGE
from proxy.middleware.auth import Key

_OUR_ROUTES = (
    CHAT_PATH, COMPLETIONS_PATH, RESPONSES_PATH, EMBEDDINGS_PATH, "/v1/models",
)  # fmt: skip

_SHA256 = re.compile(r"[0-9a-f]{64}")

PassthroughPath = Annotated[str, Field(pattern=r"^/v1(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$")]

EnvName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class _Section(BaseModel):
    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True
    )


class KeyConfig(_Section):
    """An API key. The secret itself is never written into the file."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    """What logs and policies' ``match.keys`` call it."""
    secret_env: EnvName | None = None
    """The environment variable that holds the secret."""
    secret_sha256: str | None = None
    """Instead of that, the secret's SHA-256 in hex: `printf %s "$SECRET" | sha256sum`."""
    admin: bool = False
    """Whether it opens ``/policies`` and ``/policies/validate`` as well."""

    @field_validator("secret_sha256")
    @classmethod
    def _is_a_digest(cls, value: str | None) -> str | None:
        # Not a pattern: its message would show the value, and that may be the secret itself.
        if value is not None and not _SHA256.fullmatch(value):
            raise ValueError("is no SHA-256: 64 hex digits in lower case are needed")
        return value

    @model_validator(mode="after")
    def _has_one_secret(self) -> Self:
        if (self.secret_env is None) == (self.secret_sha256 is None):
            raise ValueError("a key needs either secret_env or secret_sha256")
        return self


class Limits(_Section):
    """Every queue is bounded."""

    max_body_bytes: Annotated[int, Field(ge=1024, le=2**30)] = 8 * 2**20
    """The largest request body; more is answered with 413."""
    body_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 60.0
    """How long a request body may take to come in whole, in seconds, before it is answered with
    408."""
    max_in_flight: Annotated[int, Field(ge=1, le=100_000)] = 128
    """Chat requests answered at once. A local engine has its own slots behind this."""
    max_queued: Annotated[int, Field(ge=0, le=100_000)] = 256
    """Chat requests that may wait for their turn; more are answered with 503."""
    queue_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """How long one may wait, in seconds, before it is answered with 503."""
    drain_timeout_s: Annotated[float, Field(ge=0, le=3600)] = 15.0
    """How long running answers may go on after SIGTERM, in seconds."""
    keep_alive_s: Annotated[float, Field(gt=0, le=3600)] = 75.0
    """How long an idle client connection is kept, in seconds; and how long one whose client does
    not read its answer."""


class Cors(_Section):
    """Which web pages may call the server from a browser; none by default."""

    allow_origins: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Origins such as `https://chat.example.org`, or `*` for any."""
    allow_credentials: bool = False
    """Whether a page may send cookies and HTTP authentication along."""
    max_age_s: Annotated[int, Field(ge=0, le=86_400)] = 600
    """How long a browser may remember the permission, in seconds."""


class Judging(_Section):
    """How answers to live traffic are judged, off the request path."""

    judge: JudgeConfig = NamedConfig(judge=DEFAULT_JUDGE)
    """The judge: a name such as `embedded`, or one of the mappings below."""
    models: dict[str, JudgeConfig] = {}
    """Served name → the judge of that model's answers, instead of the common one."""
    max_queued: Annotated[int, Field(ge=1, le=100_000)] = 256
    """Answers that may wait to be judged; more are counted in `guardtune_unjudged_total`."""
    workers: Annotated[int, Field(ge=1, le=64)] = 2
    """Answers judged at once."""


class Probing(_Section):
    """Probes after start, after each policy change and on a schedule."""

    enabled: bool = True
    """Whether to probe at all."""
    models: Annotated[tuple[str, ...], Field(strict=False)] | None = None
    """Served names to probe. By default the models that run here (`llama_cpp`, `scripted`);
    a remote one costs money and is probed only where it is named."""
    interval_s: Annotated[float, Field(ge=1, le=2_592_000)] | None = 3600.0
    """From the end of one round to the next, in seconds; `null` for no schedule. Each round has
    another sample of prompts and seeds, the same for every version."""
    jitter: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    """The share of the interval by which a pause may be longer or shorter."""
    prompts_per_kind: Annotated[int, Field(ge=1, le=1000)] = 40
    """Harmful-leading prompts that each version is sent in a round, and as many benign ones."""
    max_tokens: Annotated[int, Field(ge=1, le=4096)] = 64
    """Length asked for, in tokens; a policy may lower it."""
    concurrency: Annotated[int, Field(ge=1, le=256)] = 4
    """Probe answers in flight at once, at lower priority than users'."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Of the choice of prompts and of the samplers; equal seeds make two policies comparable."""
    history: Annotated[int, Field(ge=1, le=10_000)] = 100
    """Results kept for `/policies`, those of retired versions included."""
    history_file: Annotated[str, Field(min_length=1)] | None = None
    """Where they survive restarts, as JSON lines; without it they stay in memory."""


class RollingOut(_Section):
    """Canaries: policies with a `rollout.share` below 1, measured beside the stable version."""

    auto: Literal["never", "rollback", "always"] = "always"
    """Which steps are taken without a person. `rollback` only ever goes back to the version that
    was in force before; `always` also promotes; `never` measures and says what it would do."""
    interval_s: Annotated[float, Field(ge=0.1, le=86_400)] = 30.0
    """Pause between two rounds of probes while a canary is undecided, in seconds."""
    max_rounds: Annotated[int, Field(ge=0, le=10_000)] = 30
    """Rounds at that pace for each canary; afterwards only those of `probing.interval_s` count."""
    journal: Annotated[str, Field(min_length=1)] | None = None
    """The file of steps, which is audit log and state in one; by default `.rollout.jsonl` in the
    policy folder. Name another where that folder cannot be written."""


class Settings(_Section):
    """The whole configuration."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    """The address to listen on. Another than loopback needs keys, or `insecure`."""
    port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    """The port to listen on; 0 takes a free one and prints it."""
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Processes that answer requests on that port; `limits` are of all together. See
    docs/operations.md."""
    policies: Annotated[str, Field(min_length=1)] = "policies"
    """The folder of policy files, watched for changes."""
    models: Annotated[tuple[ModelConfig, ...], Field(strict=False)] = (EMBEDDED_MODEL,)
    """The served models; see `proxy/backends/config.py` for each backend's fields."""
    keys: Annotated[tuple[KeyConfig, ...], Field(strict=False)] = ()
    """API keys. Without any, everybody who reaches the port may use everything."""
    insecure: bool = False
    """Listen on another address than loopback without keys."""
    metrics_open: bool | None = None
    """Whether `/metrics` needs no key. By default it is open on loopback only."""
    require_policy: bool = False
    """Refuse (403) a request that no policy matches, instead of passing it through."""
    strict: bool = False
    """Refuse (400) a request that tries to undo an enforced setting, instead of overriding it, and
    one whose model cannot honour all that its policy sets. A model's own `strict` comes first."""
    passthrough_routes: Annotated[tuple[PassthroughPath, ...], Field(strict=False)] = ()
    """Further routes, such as `/v1/rerank`, whose JSON goes to the server of its `model` (backend
    `openai`) without any policy; answers are counted in `guardtune_unguarded_total`. All others
    are 404."""
    limits: Limits = Limits()
    """Sizes and times."""
    cors: Cors = Cors()
    """Browsers."""
    judging: Judging = Judging()
    """The judges of live traffic and of probes."""
    probing: Probing = Probing()
    """Probes."""
    rollout: RollingOut = RollingOut()
    """Canaries. They are measured on models that are probed."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """How much is logged. Prompts and answers are never logged."""

    @field_validator("models")
    @classmethod
    def _names_differ(cls, models: tuple[ModelConfig, ...]) -> tuple[ModelConfig, ...]:
        if not models:
            raise ValueError("is an empty list. Name a model, or leave it out for the embedded one")
        _refuse_duplicates("model name", [model.name for model in models])
        return models

    @field_validator("passthrough_routes")
    @classmethod
    def _are_not_ours(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        _refuse_duplicates("route", list(paths))
        for path in paths:
            if path in _OUR_ROUTES or path.startswith("/v1/models/"):
                raise ValueError(f"names {path}, which this server has anyway. Leave it out")
        return paths

    @field_validator("keys")
    @classmethod
    def _ids_differ(cls, keys: tuple[KeyConfig, ...]) -> tuple[KeyConfig, ...]:
        _refuse_duplicates("key id", [key.id for key in keys])
        return keys

    @model_validator(mode="after")
    def _falls_back_on_served_models(self) -> Self:
        served = [model.name for model in self.models]
        for model in self.models:
            for name in model.fallbacks:
                if name not in served or name == model.name:
                    others = ", ".join(other for other in served if other != model.name)
                    raise ValueError(
                        f"models: {model.name}: fallbacks names {name[:80]!r}, which is no other "
                        f"served model. Others: {others or 'none'}"
                    )
        return self

    @model_validator(mode="after")
    def _judges_and_probes_served_models(self) -> Self:
        served = [model.name for model in self.models]
        named = {"judging.models": self.judging.models, "probing.models": self.probing.models or ()}
        for setting, names in named.items():
            for name in names:
                if name not in served:
                    raise ValueError(
                        f"{setting} names {name[:80]!r}, which is not served. "
                        f"Served: {', '.join(served)}"
                    )
        return self

    @model_validator(mode="after")
    def _can_be_shared(self) -> Self:
        inline = [
            model.name
            for model in self.models
            if model.backend == "llama_cpp" and model.process == "inline"
        ]
        if self.workers > 1 and inline:
            raise ValueError(
                f"{self.workers} workers cannot share {', '.join(inline)}, which says "
                "`process: inline`. Leave that out, or take one worker"
            )
        if self.workers > self.limits.max_in_flight:
            raise ValueError(
                f"{self.workers} workers cannot share limits.max_in_flight, which is "
                f"{self.limits.max_in_flight}. Raise it, or take fewer workers"
            )
        return self

    @model_validator(mode="after")
    def _is_not_exposed(self) -> Self:
        if not (self.is_loopback or self.keys or self.insecure):
            raise ValueError(
                f"{self.host} is reachable from other machines and there are no keys. "
                "Add keys, listen on 127.0.0.1, or say --insecure"
            )
        return self

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def is_metrics_open(self) -> bool:
        """Whether ``/metrics`` needs no key."""
        return self.is_loopback if self.metrics_open is None else self.metrics_open

    @property
    def strict_models(self) -> frozenset[str]:
        """Served names of the models that are strict, by their own setting or the common one."""
        return frozenset(
            model.name
            for model in self.models
            if (self.strict if model.strict is None else model.strict)
        )

    @property
    def probed_models(self) -> tuple[str, ...]:
        """Served names that are probed."""
        if not self.probing.enabled:
            return ()
        if self.probing.models is not None:
            return self.probing.models
        return tuple(
            model.name for model in self.models if model.backend in {"llama_cpp", "scripted"}
        )


def resolve_keys(settings: Settings, environ: Mapping[str, str]) -> tuple[Key, ...]:
    """Look the secrets up and keep their digests.

    Args:
        settings: which keys there are.
        environ: where ``secret_env`` is looked up; blanks around a secret, such as the line end
            of a mounted file, are no part of it.

    Raises:
        SettingsError: variables are unset or empty, or two keys have one secret; all are listed.
    """
    keys: dict[bytes, Key] = {}
    problems: list[Problem] = []
    for number, config in enumerate(settings.keys):
        digest = _digest(config, environ)
        if digest is None:
            message = f"the environment variable {config.secret_env} is not set. Set it to the key."
            problems.append(Problem("environment", message, path=f"keys[{number}].secret_env"))
        elif (other := keys.get(digest)) is not None:
            message = f"has the secret of key {other.id}. Give each a secret of its own."
            problems.append(Problem("configuration", message, path=f"keys[{number}]"))
        else:
            keys[digest] = Key(config.id, digest, config.admin)
    if problems:
        raise SettingsError(tuple(problems))
    return tuple(keys.values())


def _digest(config: KeyConfig, environ: Mapping[str, str]) -> bytes | None:
    if config.secret_sha256 is not None:
        return bytes.fromhex(config.secret_sha256)
    secret = environ.get(config.secret_env or "", "").strip()
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest() if secret else None


def _refuse_duplicates(what: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"the {what} {', '.join(twice)} is used twice")
