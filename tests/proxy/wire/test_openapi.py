"""The OpenAPI document says what the code does."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from proxy.errors import RequestError
from proxy.wire.openapi import document
from proxy.wire.routes import KNOWN, passthrough


def _operations(doc: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for methods in doc["paths"].values() for one in methods.values()]


def test_every_reference_leads_somewhere() -> None:
    """And nothing is described that nobody refers to."""
    doc = document([passthrough("/v1/rerank")])
    named = set(re.findall(rb"#/components/schemas/(\w+)", msgspec.json.encode(doc)))
    assert {name.decode() for name in named} == set(doc["components"]["schemas"])


def test_operations_are_told_apart() -> None:
    """Clients that are generated name their functions so."""
    ids = [one["operationId"] for one in _operations(document([passthrough("/v1/rerank")]))]
    assert len(set(ids)) == len(ids)
    assert "v1_models_model" in ids


def test_fields_that_are_checked_are_described() -> None:
    """From the very types that check them."""
    chat = document()["components"]["schemas"]["ChatBody"]
    assert chat["required"] == ["model", "messages"]
    assert chat["properties"]["messages"]["minItems"] == 1
    assert chat["properties"]["temperature"]["anyOf"] == [{"type": "number"}, {"type": "null"}]


def test_locked_operations_may_answer_401() -> None:
    """And the others never do."""
    doc = document(needs_key=lambda path: path.startswith("/v1"))
    for operation in _operations(doc):
        assert ("401" in operation["responses"]) == ("security" in operation)
    assert "security" not in doc["paths"]["/health"]["get"]


@pytest.mark.parametrize("route", KNOWN, ids=lambda route: route.path)
def test_body_that_is_described_is_the_one_that_is_read(route: Any) -> None:
    """A route that checked another type would show here."""
    required = msgspec.json.schema_components([route.body])[1][route.body.__name__]["required"]
    with pytest.raises(RequestError) as caught:
        route.decode(b"{}")
    assert caught.value.param == required[0]
