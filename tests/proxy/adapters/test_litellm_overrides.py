"""What would undo a policy behind LiteLLM."""

from __future__ import annotations

from proxy.adapters.litellm_overrides import ANY_PROVIDER, on_chat, on_route
from proxy.backends.flavours import capabilities
from proxy.backends.litellm_fields import DETOURS, EXTRA_BODY, OVERRIDES
from proxy.backends.routes import COMPLETIONS_PATH, RESPONSES_PATH

SETTINGS = {"temperature": "temperature", "max_tokens": "max_tokens"}


def test_litellms_rows_come_on_top_of_every_servers() -> None:
    """What stands behind it is not known. Detours do not come so far; `extra_body` is read."""
    table = on_chat(SETTINGS, {}, {})
    everybodys = capabilities("openai").overrides.keys()
    assert table.overrides.keys() == everybodys - {*DETOURS, EXTRA_BODY}
    assert table.overrides.keys() >= OVERRIDES.keys()
    assert table.aliases == {"max_completion_tokens": "max_tokens", "n_predict": "max_tokens"}
    assert table.continues_assistant


def test_providers_own_aliases_stay() -> None:
    """And a setting's own field is no alias of itself."""
    settings = {"max_tokens": "max_completion_tokens"}
    aliases = {"frequency_penalty": "repeat_penalty", "max_tokens": "max_tokens"}
    table = on_chat(settings, aliases, {"temperature": (0.0, 1.0)})
    assert table.ranges == {"temperature": (0.0, 1.0)}
    assert table.aliases == {
        "n_predict": "max_tokens",
        "frequency_penalty": "repeat_penalty",
        "max_tokens": "max_tokens",
    }


def test_other_routes_are_those_of_the_openai_flavour() -> None:
    """The responses route's own limit is a setting there, and nothing that undoes one."""
    responses = on_route(RESPONSES_PATH)
    assert responses.conversation == "input"
    assert "max_output_tokens" not in responses.overrides
    assert "drop_params" in responses.overrides
    assert EXTRA_BODY not in responses.overrides
    assert on_route(COMPLETIONS_PATH).conversation is None


def test_no_detour_is_a_setting() -> None:
    """They are dropped without asking the policy."""
    assert not set(DETOURS) & set(ANY_PROVIDER.settings.values())
