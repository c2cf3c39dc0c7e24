"""What a policy can do inside a LiteLLM proxy, and which request fields would undo it there.

These are the rows of an unknown server, without those that need no row here: a request's detours
are dropped before any policy is asked, and its `extra_body` is looked into.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from proxy.backends.flavours import capabilities
from proxy.backends.litellm_fields import Part
from proxy.backends.route_flavours import route_capabilities
from proxy.domain import Capabilities
from proxy.policy.fitting import Range

_ALIASES = {"max_completion_tokens": "max_tokens", "n_predict": "max_tokens"}


def on_chat(
    settings: Mapping[str, str], aliases: Mapping[str, str], ranges: Mapping[str, Range]
) -> Capabilities:
    """What holds on chat, where a provider honours these settings under these names."""
    common = {name: means for name, means in _ALIASES.items() if name not in settings.values()}
    return Capabilities(
        settings=settings,
        aliases={**common, **aliases},
        overrides=_seen(capabilities("openai")),
        continues_assistant=True,
        ranges=ranges,
    )


def on_route(path: str) -> Capabilities:
    """What holds on the other routes, whichever provider it is."""
    table = route_capabilities("openai", path)
    return replace(table, overrides=_seen(table))


def _seen(table: Capabilities) -> Mapping[str, Part]:
    return {name: part for name, part in table.overrides.items() if part != "any"}


ANY_PROVIDER = capabilities("openai")
"""OpenAI's own settings, where nobody knows the provider; LiteLLM refuses what it does not take."""
