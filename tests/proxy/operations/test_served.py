"""Served models: found by name, ready one by one."""

from __future__ import annotations

import asyncio

import pytest

from proxy.backends.config import OpenAIConfig
from proxy.backends.openai import OpenAIBackend
from proxy.errors import ModelLoadError, OverloadedError, RequestError
from proxy.operations.served import ServedModels
from tests.edge import scripted


def test_models_become_ready_by_starting() -> None:
    """Until then they answer 503."""

    async def run() -> None:
        first, second = scripted(name="a"), scripted(name="b")
        models = ServedModels([first, second])
        assert models.loading == ("a", "b")
        with pytest.raises(OverloadedError):
            models.find("a")
        await models.start()
        assert not models.loading
        assert models.find("a") is first
        assert models.ready() == (first, second)
        await models.close()

    asyncio.run(run())


def test_unknown_name_lists_the_served_ones() -> None:
    """In the order of the configuration."""
    models = ServedModels([scripted(name="b"), scripted(name="a")])
    with pytest.raises(RequestError, match="Served: `b`, `a`"):
        models.find("c")


def test_unknown_name_is_cut_in_the_message() -> None:
    """A client may send a megabyte."""
    with pytest.raises(RequestError) as caught:
        ServedModels([scripted()]).check("x" * 10_000)
    assert len(caught.value.message) < 200


def test_model_that_cannot_be_loaded_stops_the_start() -> None:
    """Those before it are ready; the caller decides what becomes of them."""
    broken = scripted(name="broken")

    async def fail() -> None:
        raise ModelLoadError("no such file", model="broken")

    broken.start = fail  # type: ignore[method-assign]  # a fault that the script cannot express
    models = ServedModels([scripted(name="good"), broken])
    with pytest.raises(ModelLoadError):
        asyncio.run(models.start())
    assert models.loading == ("broken",)


def test_model_that_is_away_is_not_ready_until_it_is_back() -> None:
    """Probes pass it by meanwhile; requests reach it, and it says when to come again."""
    flaky = scripted(name="flaky")
    flaky.on_return = None  # type: ignore[attr-defined]  # an engine that can die has it

    async def run() -> None:
        models = ServedModels([flaky])
        await models.start()
        for is_ready, ready in ((False, ()), (True, (flaky,))):
            flaky.is_ready = is_ready  # type: ignore[attr-defined]  # an engine that can die has it
            assert models.ready() == ready
            assert models.loading == (() if is_ready else ("flaky",))
            assert models.find("flaky") is flaky

    asyncio.run(run())


def test_model_that_comes_back_is_told_by_name() -> None:
    """To whoever has to begin anew with it; those that are never away have nothing to tell."""
    steady, flaky = scripted(name="steady"), scripted(name="flaky")
    flaky.is_ready, flaky.on_return = True, None  # type: ignore[attr-defined]  # it can die
    told: list[str] = []
    ServedModels([steady, flaky]).on_return(told.append)
    flaky.on_return()  # type: ignore[attr-defined]  # it can die
    assert told == ["flaky"]
    assert not hasattr(steady, "on_return")


def _remote(name: str) -> OpenAIBackend:
    return OpenAIBackend(OpenAIConfig(name=name, base_url="http://127.0.0.1:1/v1"))


def test_model_that_does_not_answer_on_a_route_is_404_and_lists_those_that_do() -> None:
    """Only models of a server of their own do."""
    models = ServedModels([scripted(name="here"), _remote("there")])

    async def run() -> RequestError:
        await models.start()
        assert models.find_on("/v1/responses", "there") is not None
        with pytest.raises(RequestError) as caught:
            models.find_on("/v1/responses", "here")
        await models.close()
        return caught.value

    error = asyncio.run(run())
    assert (error.status, error.param, error.code) == (404, "model", "unsupported_route")
    assert error.message == (
        "The model `here` does not answer on /v1/responses. Models that do: `there`."
    )


def test_retries_are_told_with_the_models_name() -> None:
    """By backends that ask again; the others have nothing to tell."""
    told: list[tuple[str, str]] = []
    remote = _remote("there")
    ServedModels([scripted(), remote]).on_retry(lambda *retry: told.append(retry))
    remote.on_retry("connect")
    assert told == [("there", "connect")]
