"""A request's fields → what the engine is asked for. Nothing is dropped silently.

A field is a decoding setting, or known to change nothing here, or refused by name. ``null`` counts
as absent, as it does for OpenAI.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from proxy.backends.local_format import Format, parse_format
from proxy.backends.local_tools import parse_tools
from proxy.backends.tool_calls import Tools
from proxy.domain import Capabilities
from proxy.engine.sampling import Sampling
from proxy.errors import RequestError

DEFAULT_MAX_TOKENS = 512
"""When the client names no limit: the engine reserves room for the longest answer."""

MAX_CHOICES = 16
MAX_STOPS = 16
MAX_BREAKERS = 16
MAX_BREAKER_BYTES = 40
MAX_TEMPLATE_VARIABLES = 16
_MAX_INT = 2**31 - 1
_MAX_TOKEN_DIGITS = 10
_ANY_SEED = -1
"""llama.cpp's name for none."""

_MAX_VALUE_CHARS = 80


@dataclass(frozen=True, slots=True)
class Options:
    """What one request asks for.

    Args:
        sampling: for the first answer; see `samplings`.
        max_tokens: for each answer.
        stop: strings that end an answer.
        n: how many answers.
        include_usage: whether a stream ends with token counts.
        format: what the answer has to look like, if anything.
        tools: what may be called, if anything.
        n_top_logprobs: alternatives to report with each token; None for no figures at all.
        template_variables: ``chat_template_kwargs``.
    """

    sampling: Sampling
    max_tokens: int
    stop: tuple[str, ...]
    n: int
    include_usage: bool
    format: Format | None = None
    tools: Tools | None = None
    n_top_logprobs: int | None = None
    template_variables: Mapping[str, Any] = field(default_factory=dict)

    @property
    def samplings(self) -> tuple[Sampling, ...]:
        """One for each answer; with a seed, each has its own."""
        seed = self.sampling.seed
        if seed is None:
            return (self.sampling,) * self.n
        return tuple(replace(self.sampling, seed=seed + index) for index in range(self.n))


@dataclass(frozen=True, slots=True)
class _Number:
    """A number between two bounds, both included."""

    low: float
    high: float
    is_whole: bool = False

    def parse(self, name: str, value: Any) -> float:
        kind = "a whole number" if self.is_whole else "a number"
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise _wrong(name, value, f"must be {kind}")
        # Bounds first: a JSON integer may have more digits than a float can take.
        if not self.low <= value <= self.high:
            low, high = _plain(self.low), _plain(self.high)
            raise _wrong(name, value, f"must be {kind} from {low} to {high}")
        if self.is_whole and not float(value).is_integer():
            raise _wrong(name, value, f"must be {kind}")
        return int(value) if self.is_whole else float(value)


_NUMBERS: Mapping[str, _Number] = {
    "temperature": _Number(0, 2),
    "top_k": _Number(-1, _MAX_INT, is_whole=True),
    "top_p": _Number(0, 1),
    "min_p": _Number(0, 1),
    "typical_p": _Number(0, 1),
    "repeat_penalty": _Number(0.01, 10),
    "frequency_penalty": _Number(-2, 2),
    "presence_penalty": _Number(-2, 2),
    "repeat_last_n": _Number(-1, _MAX_INT, is_whole=True),
    "dry_multiplier": _Number(0, 100),
    "dry_base": _Number(1, 100),
    "dry_allowed_length": _Number(0, _MAX_INT, is_whole=True),
    "dry_penalty_last_n": _Number(-1, _MAX_INT, is_whole=True),
    "xtc_probability": _Number(0, 1),
    "xtc_threshold": _Number(0, 1),
    "mirostat": _Number(0, 2, is_whole=True),
    "mirostat_tau": _Number(0, 100),
    "mirostat_eta": _Number(0, 1),
    "seed": _Number(-(2**63), 2**63, is_whole=True),
}
_MAX_TOKENS = _Number(1, _MAX_INT, is_whole=True)
_N = _Number(1, MAX_CHOICES, is_whole=True)
_BIAS = _Number(-100, 100)
_TOP_LOGPROBS = _Number(0, 20, is_whole=True)
_TEMPLATES_OWN = frozenset({
    "messages", "tools", "add_generation_prompt", "bos_token", "eos_token", "raise_exception",
    "strftime_now",
})  # fmt: skip

CAPABILITIES = Capabilities(
    settings={
        name: name
        for name in (*_NUMBERS, "max_tokens", "stop", "logit_bias", "dry_sequence_breakers")
    },
    aliases={
        "max_completion_tokens": "max_tokens",
        "n_predict": "max_tokens",
        "repetition_penalty": "repeat_penalty",
    },
    # Mirostat makes top_k, top_p, min_p, typical_p and xtc inert; a template's variables may change
    # what becomes of the system message.
    overrides={"mirostat": "decoding", "chat_template_kwargs": "prompt"},
    continues_assistant=False,
)

_WITHOUT_EFFECT = frozenset({
    "metadata", "prompt_cache_key", "prompt_cache_retention",
    "safety_identifier", "service_tier", "store", "user",
})  # fmt: skip

# Fields this backend cannot honour yet, each with the values that ask for nothing.
_UNSUPPORTED: Mapping[str, tuple[Any, ...]] = {
    "audio": (),
    "chat_template": (),
    "function_call": ("none",),
    "functions": ([],),
    "modalities": (["text"],),
    "prediction": (),
    "reasoning_effort": (),
    # Thoughts are always apart: within the content, judges would take them for the answer.
    "reasoning_format": ("auto", "deepseek"),
    "verbosity": (),
    "web_search_options": (),
}


_OURS = frozenset({
    "chat_template_kwargs", "grammar", "json_schema", "logprobs", "n", "parallel_tool_calls",
    "response_format", "stream", "stream_options", "tool_choice", "tools",
    "top_logprobs",
})  # fmt: skip


def parse_fields(fields: Mapping[str, Any], *, n_vocab: int) -> Options:
    """Check every field and translate it.

    Where an alias and the setting's own name both appear, the own name counts: policies write it.

    Args:
        fields: as the client sent them and a policy changed them.
        n_vocab: token ids of ``logit_bias`` lie below.

    Raises:
        RequestError: a field is wrong, unknown or not supported; names it.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    _refuse_the_rest(given)
    for alias, name in CAPABILITIES.aliases.items():
        if alias in given:
            given.setdefault(name, given[alias])
    tools, form = parse_tools(given), parse_format(given)
    if tools is not None and form is not None:
        raise RequestError(f"{form.field} cannot be used together with tools.", param=form.field)
    return Options(
        sampling=_sampling(given, n_vocab),
        max_tokens=int(
            _MAX_TOKENS.parse("max_tokens", given.get("max_tokens", DEFAULT_MAX_TOKENS))
        ),
        stop=_strings("stop", given.get("stop", ()), MAX_STOPS),
        n=int(_N.parse("n", given.get("n", 1))),
        include_usage=_include_usage(given),
        format=form,
        tools=tools,
        n_top_logprobs=_n_top_logprobs(given),
        template_variables=_template_variables(given.get("chat_template_kwargs", {})),
    )


def _refuse_the_rest(given: Mapping[str, Any]) -> None:
    known = {*CAPABILITIES.settings, *CAPABILITIES.aliases, *_OURS}
    for name, value in given.items():
        if name in known or name in _WITHOUT_EFFECT:
            continue
        neutral = _UNSUPPORTED.get(name)
        if neutral is None:
            near = get_close_matches(name, known, n=1)
            hint = f" Did you mean `{near[0]}`?" if near else ""
            raise RequestError(f"No such field: {name[:_MAX_VALUE_CHARS]}.{hint}", param=name)
        if value not in neutral:
            raise RequestError(
                f"{name} is not supported by the llama_cpp backend. Leave it out, or use a model "
                "that another backend serves.",
                param=name,
                code="unsupported_parameter",
            )


def _sampling(given: Mapping[str, Any], n_vocab: int) -> Sampling:
    numbers: dict[str, Any] = {
        name: number.parse(name, given[name]) for name, number in _NUMBERS.items() if name in given
    }
    parsers: dict[str, Callable[[Any], Any]] = {
        "logit_bias": lambda value: _logit_bias(value, n_vocab),
        "dry_sequence_breakers": _breakers,
    }
    others = {name: parse(given[name]) for name, parse in parsers.items() if name in given}
    if numbers.get("seed") == _ANY_SEED:
        numbers["seed"] = None
    return Sampling(**numbers, **others)


def _strings(name: str, value: Any, most: int) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    is_list = isinstance(values, list | tuple)
    if not is_list or not all(isinstance(text, str) and text for text in values):
        raise _wrong(name, value, "must be a string or a list of strings, none of them empty")
    if any("\0" in text for text in values):
        raise RequestError(f"{name}: a string must not hold a NUL character.", param=name)
    if len(values) > most:
        raise RequestError(f"{name}: at most {most} strings, {len(values)} given.", param=name)
    return tuple(values)


def _breakers(value: Any) -> tuple[str, ...]:
    name = "dry_sequence_breakers"
    breakers = _strings(name, value, MAX_BREAKERS)
    if any(len(text.encode(errors="replace")) > MAX_BREAKER_BYTES for text in breakers):
        raise RequestError(f"{name}: at most {MAX_BREAKER_BYTES} bytes each.", param=name)
    return breakers


def _logit_bias(value: Any, n_vocab: int) -> tuple[tuple[int, float], ...]:
    if not isinstance(value, Mapping):
        raise _wrong("logit_bias", value, "must be an object of token id → bias")
    biases = []
    for key, bias in value.items():
        digits = str(key)
        is_token = len(digits) <= _MAX_TOKEN_DIGITS and digits.isascii() and digits.isdigit()
        token = int(digits) if is_token else n_vocab
        if token >= n_vocab:
            raise _wrong("logit_bias", key, f"token ids are whole numbers from 0 to {n_vocab - 1}")
        biases.append((token, _BIAS.parse("logit_bias", bias)))
    return tuple(biases)


def _include_usage(given: Mapping[str, Any]) -> bool:
    stream = given.get("stream", False)
    if not isinstance(stream, bool):
        raise _wrong("stream", stream, "must be true or false")
    options = given.get("stream_options", {})
    if not isinstance(options, Mapping):
        raise _wrong("stream_options", options, "must be an object")
    include_usage = options.get("include_usage") or False
    if not isinstance(include_usage, bool):
        raise _wrong("stream_options.include_usage", include_usage, "must be true or false")
    return include_usage


def _n_top_logprobs(given: Mapping[str, Any]) -> int | None:
    wants = given.get("logprobs", False)
    if not isinstance(wants, bool):
        raise _wrong("logprobs", wants, "must be true or false")
    n_top = int(_TOP_LOGPROBS.parse("top_logprobs", given.get("top_logprobs", 0)))
    if n_top and not wants:
        raise RequestError("top_logprobs needs logprobs to be true.", param="top_logprobs")
    return n_top if wants else None


def _template_variables(value: Any) -> Mapping[str, Any]:
    name = "chat_template_kwargs"
    if not isinstance(value, Mapping) or len(value) > MAX_TEMPLATE_VARIABLES:
        raise _wrong(name, value, f"must be an object of at most {MAX_TEMPLATE_VARIABLES} members")
    for key in value:
        if not key.isidentifier() or key.startswith("_") or key in _TEMPLATES_OWN:
            raise _wrong(name, key, "a variable must have a name that templates do not use")
    return value


def _wrong(name: str, value: Any, rule: str) -> RequestError:
    return RequestError(f"{name}: {rule}, not {str(value)[:_MAX_VALUE_CHARS]!r}.", param=name)


def _plain(number: float) -> str:
    return str(int(number)) if math.isfinite(number) and number == int(number) else str(number)
