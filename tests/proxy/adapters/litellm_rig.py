"""The hook as LiteLLM has it, without a LiteLLM proxy around it."""

from __future__ import annotations

import asyncio
import importlib
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from proxy.adapters.litellm_options import LiteLLMOptions
from proxy.backends.litellm_sdk import _imported
from tests.edge import write_policy
from tests.proxy.adapters.host_app import ASK, POLICY

MODELS = [
    {"model_name": "m", "litellm_params": {"model": "openai/gpt-4o", "api_key": "k"}},
    {"model_name": "local", "litellm_params": {"model": "ollama_chat/u", "api_base": "http://x"}},
    {"model_name": "mixed", "litellm_params": {"model": "ollama_chat/u", "api_base": "http://x"}},
    {
        "model_name": "mixed",
        "litellm_params": {"model": "anthropic/claude-sonnet-4-5", "api_key": "k"},
        "model_info": {"id": "one-of-mixed"},
    },
    {"model_name": "openai/*", "litellm_params": {"model": "openai/*", "api_key": "k"}},
]


def module(name: str) -> Any:
    """Import one of the modules that need litellm, offline."""
    _imported()
    return importlib.import_module(f"proxy.adapters.{name}")


def running_router(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put a router of litellm's own where its proxy keeps it."""
    litellm, _ = _imported()
    router = litellm.Router(model_list=MODELS)
    server = SimpleNamespace(llm_router=router)
    monkeypatch.setitem(sys.modules, "litellm.proxy.proxy_server", server)
    return router


class Call:
    """What LiteLLM keeps a call's log in; weakly referred to by the hook."""


class Rig:
    """A hook over a folder with one policy.

    Args:
        folder: of the policies.
        policy: what stands in it; None for none.
        options: further options of the hook.
    """

    def __init__(self, folder: Path, policy: str | None = POLICY, **options: Any) -> None:
        if policy is not None:
            write_policy(folder, "careful", policy)
        hooks = module("litellm_hook")
        self.refused: type[Exception] = hooks.RefusedError
        self.registry = CollectorRegistry()
        given = LiteLLMOptions.model_validate({"policies": folder, **options})
        self.hook = hooks.GuardTuneHook(given, self.registry)

    def put(
        self, call_type: str = "acompletion", *, caller: Any = None, **fields: Any
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Put a request under its policy, and have it answered: what is asked, what is told."""
        call = Call()
        data: dict[str, Any] = {**ASK, "litellm_logging_obj": call, **fields}

        async def main() -> dict[str, str]:
            given = await self.hook.async_pre_call_hook(caller, None, data, call_type)
            assert given is data
            told: dict[str, str] = await self.hook.async_post_call_response_headers_hook(
                data, caller, object(), {}, {}
            )
            return told

        told = asyncio.run(main())
        return {name: value for name, value in data.items() if value is not call}, told

    def refusal(self, call_type: str = "acompletion", **fields: Any) -> Any:
        """What a request is refused with."""
        with pytest.raises(self.refused) as caught:
            self.put(call_type, **fields)
        return caught.value
