"""How the LiteLLM hook is told what to do: environment variables, because LiteLLM makes it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from proxy.errors import SettingsError
from proxy.policy.diagnostics import validate
from proxy.policy.document import Document

PREFIX = "GUARDTUNE_"


def _words(text: Any) -> Any:
    return tuple(text.replace(",", " ").split()) if isinstance(text, str) else text


class LiteLLMOptions(BaseModel):
    """Each field is a variable: ``GUARDTUNE_POLICIES`` for ``policies``, and so on.

    Args:
        policies: the policy folder.
        require_policy: refuse (403) a request that no policy matches.
        strict: refuse (400) what cannot be honoured of a policy, and what would undo it.
        litellm_on_failure: what becomes of a request when the hook itself fails: ``closed`` refuses
            it (503), ``open`` lets it pass unguarded, and counts it.
        litellm_passthrough: LiteLLM's names of calls that generate text on which no policy can do
            anything, such as ``anthropic_messages``, and that are to pass all the same.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    policies: Path
    require_policy: bool = False
    strict: bool = False
    litellm_on_failure: Literal["closed", "open"] = "closed"
    litellm_passthrough: Annotated[tuple[str, ...], BeforeValidator(_words)] = Field(default=())


def from_environment(environ: Mapping[str, str]) -> LiteLLMOptions:
    """Read the options.

    Raises:
        SettingsError: every variable that is wrong, and the one that must be there.
    """
    given = {
        name: text
        for name in LiteLLMOptions.model_fields
        if (text := environ.get(PREFIX + name.upper(), ""))
    }
    return validate(Document("environment", given), LiteLLMOptions, error=SettingsError)
