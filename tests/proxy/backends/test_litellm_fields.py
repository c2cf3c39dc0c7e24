"""What leads past a policy in a LiteLLM proxy."""

from __future__ import annotations

from proxy.backends.flavours import LLAMA_CPP_NAMES
from proxy.backends.litellm_fields import BLIND, DETOURS, EXTRA_BODY, OVERRIDES


def test_detours_and_what_is_laid_over_undo_any_policy() -> None:
    """They have messages, settings and models of their own."""
    whole = {name for name, part in BLIND.items() if part == "any"}
    assert whole == {EXTRA_BODY, *DETOURS}
    assert OVERRIDES.items() <= BLIND.items()


def test_no_setting_of_a_policy_is_among_them() -> None:
    """It would be removed where another one is set."""
    assert not BLIND.keys() & set(LLAMA_CPP_NAMES)
