"""The decoding settings that a policy may set: their ranges, neutral values and meaning."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping
from types import MappingProxyType
from typing import Annotated, Any

from proxy.policy.rules import Rule
from proxy.policy.section import Section
from proxy.policy.setting import Setting
from proxy.policy.values import Biases, Number, Texts

_MANY = 1_000_000
_SHARE = Number(0.0, 1.0)
_PENALTY = Number(-2.0, 2.0)
_WINDOW = Number(-1, _MANY, is_whole=True, unlimited_below=0)


class Decoding(Section):
    """Rules by setting, under llama.cpp's names; each backend translates them.

    Iterating gives ``(setting, rule)`` for the settings that have a rule, in the order below.
    """

    temperature: Annotated[Rule | None, Setting(Number(0.0, 2.0), neutral=1.0)] = None
    """Flattens (above 1) or sharpens (below 1) the distribution; 0 is greedy decoding."""

    top_p: Annotated[Rule | None, Setting(_SHARE, neutral=1.0)] = None
    """Keep the likeliest tokens that together reach this probability; 1 keeps all."""

    top_k: Annotated[
        Rule | None, Setting(Number(0, _MANY, is_whole=True, unlimited_below=1), neutral=math.inf)
    ] = None
    """Keep this many of the likeliest tokens; 0 keeps all."""

    min_p: Annotated[Rule | None, Setting(_SHARE, neutral=0.0)] = None
    """Drop tokens below this share of the likeliest token's probability; 0 drops none."""

    typical_p: Annotated[Rule | None, Setting(_SHARE, neutral=1.0)] = None
    """Locally typical sampling: keep tokens of about average surprise up to this mass; 1 is off."""

    repeat_penalty: Annotated[Rule | None, Setting(Number(0.1, 2.0), neutral=1.0)] = None
    """Divides the logits of recent tokens; above 1 discourages repetition, below 1 invites it."""

    repeat_last_n: Annotated[Rule | None, Setting(_WINDOW, neutral=64)] = None
    """How many recent tokens the penalties look at; 0 none, -1 the whole context."""

    frequency_penalty: Annotated[Rule | None, Setting(_PENALTY, neutral=0.0)] = None
    """Subtracted from a token's logit for each time it has occurred; 0 is off."""

    presence_penalty: Annotated[Rule | None, Setting(_PENALTY, neutral=0.0)] = None
    """Subtracted once from the logit of each token that has occurred; 0 is off."""

    dry_multiplier: Annotated[Rule | None, Setting(Number(0.0, 10.0), neutral=0.0)] = None
    """Strength of the DRY penalty on repeated sequences; 0 is off."""

    dry_base: Annotated[Rule | None, Setting(Number(1.0, 10.0), neutral=1.75)] = None
    """Base of the DRY penalty, which grows exponentially with the length of the repetition."""

    dry_allowed_length: Annotated[
        Rule | None, Setting(Number(0, 1000, is_whole=True), neutral=2)
    ] = None
    """Repetitions up to this many tokens cost nothing under DRY."""

    dry_penalty_last_n: Annotated[Rule | None, Setting(_WINDOW, neutral=math.inf)] = None
    """How many recent tokens DRY searches; 0 none, -1 the whole context."""

    dry_sequence_breakers: Annotated[Rule | None, Setting(Texts())] = None
    """Strings at which DRY begins to search anew, such as line ends and quotes."""

    xtc_probability: Annotated[Rule | None, Setting(_SHARE, neutral=0.0)] = None
    """How often XTC removes the likeliest tokens; 0 is off."""

    xtc_threshold: Annotated[Rule | None, Setting(_SHARE, neutral=0.1)] = None
    """XTC removes all but the last of the tokens above this probability; above 0.5 it is off."""

    mirostat: Annotated[Rule | None, Setting(Number(0, 2, is_whole=True))] = None
    """Mirostat sampling: 0 off, 1, or 2. While on, top_k, top_p, min_p and typical_p do nothing."""

    mirostat_tau: Annotated[Rule | None, Setting(Number(0.0, 20.0), neutral=5.0)] = None
    """Mirostat's target surprise."""

    mirostat_eta: Annotated[Rule | None, Setting(Number(0.0, 1.0), neutral=0.1)] = None
    """Mirostat's learning rate."""

    max_tokens: Annotated[
        Rule | None, Setting(Number(1, _MANY, is_whole=True, unlimited_below=1), neutral=math.inf)
    ] = None
    """The most tokens an answer may have."""

    seed: Annotated[Rule | None, Setting(Number(0, 4_294_967_295, is_whole=True))] = None
    """Seed of the sampler; the same request then gives the same answer where the backend can."""

    stop: Annotated[Rule | None, Setting(Texts())] = None
    """Strings that end the answer; they are not part of it."""

    logit_bias: Annotated[Rule | None, Setting(Biases())] = None
    """Token id → what is added to its logit. Ids belong to one tokenizer: set `match.models`."""

    def __iter__(self) -> Generator[tuple[str, Any], None, None]:
        for name in SETTINGS:
            rule = getattr(self, name)
            if rule is not None:
                yield name, rule


def _settings() -> Mapping[str, Setting]:
    return MappingProxyType(
        {
            name: item
            for name, field in Decoding.model_fields.items()
            for item in field.metadata
            if isinstance(item, Setting)
        }
    )


SETTINGS: Mapping[str, Setting] = _settings()
"""Every decoding setting by name."""
