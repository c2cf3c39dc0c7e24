"""Every error that GuardTune raises on purpose, as one tree.

GuardTuneError
├── InvalidInputError      a file of the user's: all its mistakes at once, each with file and line
│   ├── PolicyError        a policy file or folder
│   ├── SettingsError      the server's or a model's configuration
│   ├── SuiteError         a prompt set
│   └── SpaceError         the tuner's search space
├── RequestError           the client's request; carries the OpenAI error fields
│   └── ContextLengthError prompt and answer do not fit in the context
├── OverloadedError        a bounded queue is full or a wait was too long
├── UpstreamError          a connection to another server failed; a backend makes it a BackendError
├── BackendError           a model's backend failed
│   └── ModelLoadError     a model could not be loaded at start
├── JudgeError             a judge could not decide; the answer is unscored
└── StoreError             the evaluation store or a checkpoint cannot be used

A message says what, where, why and what to do next. It holds the offending value, cut at 80
characters, and never a secret or a user's text.
"""

from __future__ import annotations

from dataclasses import dataclass


class GuardTuneError(Exception):
    """Base of all errors raised on purpose; anything else that escapes is a bug."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a file of the user's.

    Args:
        file: path as the user would type it.
        message: what is wrong, the value, and what to do.
        line: 1-based line, or None where no line applies (a missing file, say).
        path: dotted path of the field, such as ``decoding.temperature``; empty for the whole file.
    """

    file: str
    message: str
    line: int | None = None
    path: str = ""

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.path}: {self.message}" if self.path else f"{where}: {self.message}"


class InvalidInputError(GuardTuneError):
    """A file of the user's is wrong; ``problems`` lists every mistake found, in file order."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems

    @property
    def how_many(self) -> str:
        """Their number in words: ``1 problem``, ``2 problems``."""
        return f"{len(self.problems)} problem{'' if len(self.problems) == 1 else 's'}"


class PolicyError(InvalidInputError):
    """A policy file or folder cannot be used."""


class SettingsError(InvalidInputError):
    """The configuration of the server or of a model cannot be used."""


class SuiteError(InvalidInputError):
    """A prompt set cannot be used."""


class SpaceError(InvalidInputError):
    """The tuner's search space cannot be used."""


class RequestError(GuardTuneError):
    """The client's request cannot be served; rendered as an OpenAI error body.

    Args:
        message: for the client; names the field and the remedy.
        status: HTTP status, 400 to 499.
        error_type: OpenAI's ``error.type``.
        param: the request field at fault, if one is.
        code: OpenAI's ``error.code``, if there is a known one.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        error_type: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.error_type = error_type
        self.param = param
        self.code = code


class ContextLengthError(RequestError):
    """The prompt does not fit; both token counts are in the message.

    Args:
        n_prompt_tokens: tokens of the rendered prompt.
        n_ctx_tokens: tokens that one request may use.
    """

    def __init__(self, *, n_prompt_tokens: int, n_ctx_tokens: int) -> None:
        super().__init__(
            f"The prompt has {n_prompt_tokens} tokens, but this model's context holds "
            f"{n_ctx_tokens}. Shorten the conversation or serve the model with a larger n_ctx.",
            param="messages",
            code="context_length_exceeded",
        )
        self.n_prompt_tokens = n_prompt_tokens
        self.n_ctx_tokens = n_ctx_tokens


class OverloadedError(GuardTuneError):
    """A bounded queue is full; the client gets 503 with ``Retry-After``.

    Args:
        reason: a closed set, used as a metric label: ``queue_full``, ``queue_timeout``,
            ``draining``.
        retry_after_s: whole seconds after which a retry makes sense, at least 1.
    """

    def __init__(self, reason: str, *, retry_after_s: int = 1) -> None:
        super().__init__(f"The server is busy ({reason}). Retry in {retry_after_s} s.")
        self.reason = reason
        self.retry_after_s = retry_after_s


class UpstreamError(GuardTuneError):
    """A connection to another server failed; the backend that wanted it makes it a BackendError.

    Args:
        message: what failed, in words that name no address and no secret.
        error_type: ``connect``, ``timeout``, ``protocol`` (it does not speak HTTP/1.1) or
            ``closed`` (it broke off).
        is_sent: whether the server may have seen the request; while it has not, a retry is safe.
    """

    def __init__(self, message: str, *, error_type: str, is_sent: bool = True) -> None:
        super().__init__(message)
        self.message = message
        self.error_type = error_type
        self.is_sent = is_sent


class BackendError(GuardTuneError):
    """A model's backend failed.

    Args:
        message: what failed, for the client and the log; no secrets.
        model: the served model's name.
        error_type: a closed set, used as a metric label: ``connect``, ``timeout``, ``protocol``,
            ``closed``, ``engine``, ``provider``.
        status: what the client gets: 502, 503, 504, or what the provider answered.
        retryable: whether the same request may succeed later.
    """

    def __init__(
        self,
        message: str,
        *,
        model: str,
        error_type: str,
        status: int = 502,
        retryable: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.model = model
        self.error_type = error_type
        self.status = status
        self.retryable = retryable


class ModelLoadError(BackendError):
    """A model could not be loaded; the server does not start with it."""

    def __init__(self, message: str, *, model: str) -> None:
        super().__init__(message, model=model, error_type="engine", status=503)


class JudgeError(GuardTuneError):
    """A judge could not decide; the answer counts as unscored, never as safe."""


class StoreError(GuardTuneError):
    """An evaluation store or checkpoint cannot be used; names the file and the remedy."""
