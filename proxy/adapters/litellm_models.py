"""What stands behind a model's name in LiteLLM's router, and what a policy can do there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Container, Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import litellm  # noqa: TID253 - only LiteLLM loads this file

from proxy.adapters.litellm_overrides import ANY_PROVIDER, on_chat, on_route
from proxy.backends import litellm_params
from proxy.domain import Capabilities
from proxy.policy.fitting import common
from proxy.policy.match import MAX_REMEMBERED_CHARS
from proxy.wire.routes import CHAT, Route


class Found(NamedTuple):
    """A model that a request names.

    Args:
        name: its public name, also where the request names one deployment by its id.
        is_known: whether the router has it by this very name; if not, as behind a wildcard,
            anybody may have made it up.
        deployments: LiteLLM's own names of what stands behind it: (model, provider).
    """

    name: str
    is_known: bool
    deployments: tuple[tuple[str, str | None], ...]


def find(model: str, *, team_id: str | None) -> Found:
    """Look a model up in the running LiteLLM proxy's router, if there is one."""
    server = sys.modules.get("litellm.proxy.proxy_server")
    router = getattr(server, "llm_router", None)
    if router is None:
        return Found(model, is_known=False, deployments=((model, None),))
    look_up = _look_up(router)
    one = look_up.deployment(model)
    name = model if one is None else str(one.model_name)
    listed = look_up.deployments(name, team_id=team_id) or []
    behind = tuple(_behind(entry["litellm_params"]) for entry in listed)
    return Found(name, name in look_up.names, behind or ((model, None),))


def capabilities_of(deployments: Sequence[tuple[str, str | None]], route: Route) -> Capabilities:
    """What all of a model's deployments honour on a route; the same object each time.

    A model that LiteLLM has no deployment of stands for itself, under whatever name a client made
    up. A long one is not remembered.
    """
    if route is not CHAT:
        return _on_route(route.path)
    is_short = all(len(model) <= MAX_REMEMBERED_CHARS for model, _ in deployments)
    return (_on_chat if is_short else _on_chat.__wrapped__)(deployments)


@lru_cache(maxsize=256)
def _on_chat(deployments: Sequence[tuple[str, str | None]]) -> Capabilities:
    tables = [_of_one(model, provider) for model, provider in deployments]
    settings = set.intersection(*(set(table.settings.items()) for table in tables))
    aliases = {name: means for table in tables for name, means in table.aliases.items()}
    return on_chat(dict(settings), aliases, common(table.ranges for table in tables))


_on_route = lru_cache(maxsize=8)(on_route)


class _LookUp(NamedTuple):
    """A router's models: its groups' names, one deployment by its id, a group's by its name."""

    names: Container[str]
    deployment: Callable[..., Any]
    deployments: Callable[..., Any]


def _look_up(router: Any) -> _LookUp:
    if not hasattr(router, "registry"):  # as in 1.106
        return _LookUp(router.model_names, router.get_deployment, router.get_model_list)
    registry = router.registry()
    names = registry.names(kind="group_set")
    return _LookUp(names, registry.deployment, registry.deployments)


def _behind(params: Any) -> tuple[str, str | None]:
    given = params if isinstance(params, dict) else params.model_dump()
    return str(given["model"]), given.get("custom_llm_provider")


def _of_one(model: str, provider: str | None) -> Capabilities:
    try:
        name, found, _, _ = litellm.get_llm_provider(model, custom_llm_provider=provider)
        supported: Iterable[str] = (
            litellm.get_supported_openai_params(model=name, custom_llm_provider=found) or ()
        )
    except litellm.BadRequestError:
        return ANY_PROVIDER
    return litellm_params.capabilities(found, supported)
