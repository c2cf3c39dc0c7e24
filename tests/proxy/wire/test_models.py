"""The list of served models."""

from __future__ import annotations

import msgspec

from proxy.wire.models import ModelCard, model_list


def test_list_keeps_the_order_of_the_configuration() -> None:
    """The first model is the one that clients take by default."""
    body = msgspec.to_builtins(model_list(["b", "a"], created=7))
    assert body["object"] == "list"
    assert [card["id"] for card in body["data"]] == ["b", "a"]


def test_card_has_the_fields_of_openai() -> None:
    """Client libraries read all four."""
    assert msgspec.to_builtins(ModelCard(id="m", created=7)) == {
        "id": "m", "object": "model", "created": 7, "owned_by": "guardtune",
    }  # fmt: skip
