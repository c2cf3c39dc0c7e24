"""LiteLLM's view of a request as ours, and what a policy made of it back into LiteLLM's."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, NamedTuple

import msgspec

from proxy.backends.litellm_fields import DETOURS, EXTRA_BODY
from proxy.domain import ChatRequest
from proxy.errors import RequestError
from proxy.middleware.private_headers import may_come_in
from proxy.policy.apply import CONVERSATION, Applied
from proxy.policy.plan import Plan
from proxy.wire.facts import MAX_CONVERSATION_CHARS
from proxy.wire.routes import Route

_LITELLMS_OWN = frozenset({
    "metadata", "litellm_metadata", "proxy_server_request", "secret_fields", "litellm_logging_obj",
})  # fmt: skip
_JSON = (str, int, float, list, dict, type(None))
_HEADERS = ("headers", "extra_headers")
_ABSENT = object()

Data = MutableMapping[str, Any]
"""A request as LiteLLM passes it to hooks: the client's fields, and LiteLLM's own beside them."""


class Asked(NamedTuple):
    """A request as it stands in LiteLLM's data.

    Args:
        request: without what leads past every policy.
        dropped: the client's fields that do.
    """

    request: ChatRequest
    dropped: tuple[str, ...]


def asked(data: Data, route: Route, *, model: str, key_id: str | None) -> Asked:
    """Read a request, in the same words and with the same checks as one from the wire.

    Args:
        data: LiteLLM's; not changed.
        route: what it was sent to.
        model: the public name of the model that it names.
        key_id: whose it is.

    Raises:
        RequestError: 400.
    """
    dropped = tuple(name for name in DETOURS if data.get(name) is not None)
    fields = {
        name: value
        for name, value in data.items()
        if isinstance(value, _JSON) and name not in _LITELLMS_OWN and name not in dropped
    }
    body = msgspec.json.encode({**fields, "model": model}, enc_hook=str)
    request = route.decode(
        body,
        request_id=str(data.get("litellm_call_id", "")),
        key_id=key_id,
        conversation=_conversation(data),
    )
    return Asked(msgspec.structs.replace(request, raw=None), dropped)


class Change(NamedTuple):
    """What a policy makes of a request in LiteLLM's data.

    Args:
        removed: fields that go.
        written: fields that are set.
        beside: the client's fields that went without the policy's saying so by name: they would
            have led past it.
    """

    removed: tuple[str, ...]
    written: Mapping[str, Any]
    beside: tuple[str, ...]

    def put_into(self, data: Data) -> None:
        """Change LiteLLM's data, in place: LiteLLM holds on to it in several places.

        What is written is copied: LiteLLM rewrites messages in place, and a policy's are shared.
        """
        for name in self.removed:
            data.pop(name, None)
        data.update(copy.deepcopy(dict(self.written)))
        _drop_private_headers(data)


def changed(before: Asked, applied: Applied, plan: Plan) -> Change:
    """Return the difference that a policy makes.

    Args:
        before: the request as it was read.
        applied: the same under the policy.
        plan: what was applied.

    Raises:
        RequestError: 400; ``extra_body`` is no object.
    """
    fields, wanted = before.request.fields, applied.request.fields
    written = {
        name: value for name, value in wanted.items() if fields.get(name, _ABSENT) is not value
    }
    if applied.request.messages is not before.request.messages:
        written["messages"] = list(applied.request.messages)
    extra, hidden = _visible(fields.get(EXTRA_BODY), plan)
    if hidden:
        written[EXTRA_BODY] = extra
    removed = (*before.dropped, *(name for name in fields if name not in wanted))
    return Change(removed, written, (*before.dropped, *hidden))


def _visible(extra: Any, plan: Plan) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """Return what may stay of fields that are laid over the request when it is sent.

    There they win over everything, so what a policy rules has no place among them, nor what is
    asked, nor of whom.
    """
    if extra is None:
        return {}, ()
    if not isinstance(extra, Mapping):
        raise RequestError(f"Wrong type for `{EXTRA_BODY}`.", param=EXTRA_BODY, code="invalid_type")
    ruled = {name for rule in plan.rules for name in rule.names}
    taken = {name.casefold() for name in (*ruled, *plan.removed, *_NEVER)}
    kept = {name: value for name, value in extra.items() if name.casefold() not in taken}
    # In our spelling, not in the client's: it becomes part of a header.
    hidden = dict.fromkeys(name.casefold() for name in extra if name not in kept)
    return kept, tuple(f"{EXTRA_BODY}.{name}" for name in hidden)


_NEVER = ("model", EXTRA_BODY, *CONVERSATION, *DETOURS)


def _conversation(data: Data) -> str | None:
    for name, value in _sent_headers(data):
        if name.lower() == "x-guardtune-conversation" and isinstance(value, str):
            return value[:MAX_CONVERSATION_CHARS]
    return None


def _sent_headers(data: Data) -> Iterator[tuple[str, Any]]:
    request = data.get("proxy_server_request")
    headers = request.get("headers") if isinstance(request, Mapping) else None
    if isinstance(headers, Mapping):
        yield from headers.items()


def _drop_private_headers(data: Data) -> None:
    """LiteLLM can be set to send a client's headers on."""
    for where in _HEADERS:
        headers = data.get(where)
        if isinstance(headers, Mapping):
            data[where] = {
                name: value
                for name, value in headers.items()
                if may_come_in(str(name).lower().encode(errors="replace"))
            }
