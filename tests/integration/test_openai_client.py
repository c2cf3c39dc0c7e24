"""The official client, against the real server."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from tests.edge import write_policy
from tests.integration.server import Server, serving

RULES = [
    {"user": "break", "answers": ["one two three"], "break_after": 2},
    {"answers": ["Good day to you."]},
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all."""
    folder = tmp_path_factory.mktemp("openai")
    write_policy(folder / "policies", "careful")
    config = {
        "models": [{"name": "fake", "backend": "scripted", "rules": RULES}],
        "policies": str(folder / "policies"),
        "judging": {"judge": "scripted"},
        "probing": {"enabled": False},
    }
    with serving(folder, config) as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[openai.OpenAI]:
    """A client of it."""
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as made:
        yield made


def test_lists_models(client: openai.OpenAI) -> None:
    """And finds one by its name."""
    assert [model.id for model in client.models.list()] == ["fake"]
    assert client.models.retrieve("fake").owned_by == "guardtune"


def test_gets_an_answer_with_usage(client: openai.OpenAI) -> None:
    """Parsed by the client's own types."""
    answer = client.chat.completions.create(
        model="fake", messages=[{"role": "user", "content": "hello"}]
    )
    assert answer.choices[0].message.content == "Good day to you."
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 4


def test_streams(client: openai.OpenAI) -> None:
    """Delta by delta, with usage at the end."""
    stream = client.chat.completions.create(
        model="fake",
        messages=[{"role": "user", "content": "hello"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    deltas = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(deltas) == "Good day to you."
    assert chunks[-1].usage is not None


def test_broken_stream_raises(client: openai.OpenAI) -> None:
    """Instead of looking like a short answer."""
    stream = client.chat.completions.create(
        model="fake", messages=[{"role": "user", "content": "break"}], stream=True
    )
    with pytest.raises(openai.APIError, match="breaks off"):
        list(stream)


def test_errors_have_the_clients_own_classes(client: openai.OpenAI) -> None:
    """404 and 400."""
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="x", messages=[{"role": "user", "content": "a"}])
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as wrong:
        client.chat.completions.create(model="fake", messages=[])
    assert wrong.value.param == "messages"
