"""The OpenAPI document: every route, described by the types that its bodies are read into.

Bodies of answers are described as far as they are ours: what a server behind us says passes byte
for byte, and is whatever that server makes it.

Source: https://spec.openapis.org/oas/v3.1.0
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from proxy import __version__
from proxy.wire.errors import ErrorBody
from proxy.wire.health import Health
from proxy.wire.models import ModelCard, ModelList
from proxy.wire.policy_status import PolicyList, Validation
from proxy.wire.routes import CHAT, COMPLETIONS, EMBEDDINGS, KNOWN, RESPONSES, Route

PATH = "/openapi.json"

JsonObject = dict[str, Any]

_NOT_A_WORD = re.compile(r"\W+")
_REFERENCE = "#/components/schemas/{name}"
_SUMMARIES = {
    CHAT.path: "Answer a conversation",
    COMPLETIONS.path: "Continue a text",
    RESPONSES.path: "Answer in the Responses API",
    EMBEDDINGS.path: "Embed texts",
}
_ERRORS: Mapping[int, str] = {
    400: "The request cannot be served; `param` names the field.",
    401: "No API key, or one that is not known here.",
    403: "Not with this key, or not without a policy.",
    404: "No such model, or it does not answer on this route.",
    408: "The body took too long.",
    413: "The body is over the limit.",
    500: "A bug; the log has it under the request id.",
    502: "The model failed, or its server could not be reached.",
    503: "No free place, or the model is loading.",
    504: "The model's server did not answer in time.",
}
_ANSWER_HEADERS = {
    "x-request-id": "Also in every log line.",
    "x-guardtune-policy": "`name@sha` of the policy in force.",
    "x-guardtune-ignored": "What the policy sets and the model cannot honour here.",
    "x-guardtune-overridden": "Fields of the request that the policy changed or removed.",
    "x-guardtune-model": "Which model answered, where the one asked for has fallbacks.",
}
_EVENT: JsonObject = {
    "description": "One event: JSON in OpenAI's form, or `[DONE]`.",
    "type": "object",
    "properties": {"event": {"type": "string"}, "data": {"type": "string"}},
    "required": ["data"],
}
_REQUEST_HEADERS = {
    "x-request-id": "Kept if it is a plain word of up to 128 characters.",
    "x-guardtune-conversation": "What a rollout sticks to.",
}


def document(
    passthrough: Sequence[Route] = (), *, needs_key: Callable[[str], bool] = lambda _: False
) -> JsonObject:
    """Describe the server.

    Args:
        passthrough: routes beside those that every server has.
        needs_key: whether a path asks for an API key.
    """
    routes = (*KNOWN, *passthrough)
    types = (
        *(route.body for route in routes), ErrorBody, Health, ModelCard, ModelList, PolicyList,
        Validation,
    )  # fmt: skip
    _, schemas = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    paths = {route.path: {"post": _asked(route)} for route in routes} | _pages()
    for path, operations in paths.items():
        for operation in operations.values():
            _close(operation, path, is_open=not needs_key(path))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "GuardTune",
            "version": __version__,
            "description": "OpenAI's wire, under the policies of the server's folder.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _asked(route: Route) -> JsonObject:
    """A route that models answer on."""
    answer: JsonObject = {
        "description": "The answer, in OpenAI's form; a stream of it where `stream` is true.",
        "headers": _headers(_ANSWER_HEADERS),
        "content": {
            "application/json": {"schema": {"type": "object"}},
            "text/event-stream": {"schema": _EVENT},
        },
    }
    if route.answers == "unknown":
        answer |= {"description": "Whatever the server behind it says.", "content": {"*/*": {}}}
    return {
        "summary": _SUMMARIES.get(route.path, "Pass to the server behind the model"),
        "tags": ["models"],
        "parameters": [
            {"name": name, "in": "header", "description": text, "schema": {"type": "string"}}
            for name, text in _REQUEST_HEADERS.items()
        ],
        "requestBody": {
            "description": "All other fields pass to the model.",
            "required": True,
            "content": _json(route.body),
        },
        "responses": {
            "200": answer,
            **_errors(400, 403, 404, 408, 413, 500, 502, 503, 504),
            "default": {"description": "An error of the server behind the model, unchanged."},
        },
    }


def _pages() -> dict[str, JsonObject]:
    """The routes that no model has a part in."""
    name = {"name": "model", "in": "path", "required": True, "schema": {"type": "string"}}
    text = {"text/plain": {"schema": {"type": "string"}}}
    unavailable = _answer(503, "The process that answers this for all does not.", _json(Health))
    return {
        "/v1/models": {"get": _page("List what is served", "models", _json(ModelList))},
        "/v1/models/{model}": {
            "get": _page("Show one served model", "models", _json(ModelCard), _errors(404))
            | {"parameters": [name]}
        },
        "/policies": {
            "get": _page(
                "What is in force", "policies", _json(PolicyList), unavailable, _errors(403)
            )
        },
        "/policies/validate": {
            "post": _page(
                "Check a policy; nothing is kept",
                "policies",
                _json(Validation),
                _errors(403, 408, 413),
            )
            | {"requestBody": {"required": True, "content": {"application/yaml": {}}}}
        },
        "/health": {"get": _page("Whether the process answers", "process", _json(Health))},
        "/ready": {
            "get": _page(
                "Whether requests would be answered",
                "process",
                _json(Health),
                _answer(503, "A model loads or restarts.", _json(Health)),
            )
        },
        "/metrics": {"get": _page("Metrics in Prometheus' form", "process", text, unavailable)},
        PATH: {"get": _page("This document", "process", {"application/json": {}})},
    }


def _page(summary: str, tag: str, content: JsonObject, *others: JsonObject) -> JsonObject:
    responses = _answer(200, "As it is now.", content)
    for other in (*others, _errors(500)):
        responses |= other
    return {"summary": summary, "tags": [tag], "responses": responses}


def _close(operation: JsonObject, path: str, *, is_open: bool) -> None:
    """Give an operation its id, and a lock where it asks for a key."""
    operation["operationId"] = _NOT_A_WORD.sub("_", path).strip("_")
    if not is_open:
        operation["security"] = [{"key": []}]
        operation["responses"] |= _errors(401)


def _answer(status: int, description: str, content: JsonObject) -> JsonObject:
    return {str(status): {"description": description, "content": content}}


def _errors(*statuses: int) -> JsonObject:
    responses: JsonObject = {}
    for status in statuses:
        responses |= _answer(status, _ERRORS[status], _json(ErrorBody))
    if 503 in statuses:  # noqa: PLR2004 - HTTP's own number
        responses["503"]["headers"] = _headers({"retry-after": "Seconds."})
    return responses


def _headers(texts: Mapping[str, str]) -> JsonObject:
    return {
        name: {"description": text, "schema": {"type": "string"}} for name, text in texts.items()
    }


def _json(body: type[msgspec.Struct]) -> JsonObject:
    return {"application/json": {"schema": {"$ref": _REFERENCE.format(name=body.__name__)}}}
