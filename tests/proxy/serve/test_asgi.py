"""The application for other servers: its settings, and how it starts and stops."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from starlette.types import Message

from proxy.backends.config import LlamaCppConfig
from proxy.backends.local import LocalBackend
from proxy.errors import SettingsError
from proxy.serve.asgi import Hosted, create, hosted_settings
from tests.asgi import call
from tests.edge import assemble

KEYED = "keys: [{id: team-a, secret_sha256: " + "a" * 64 + "}]\n"


def _environ(folder: Path, config: str) -> dict[str, str]:
    path = folder / "c.yaml"
    path.write_text(config, encoding="utf-8")
    return {"GUARDTUNE_CONFIG": str(path)}


def test_file_and_variables_are_read(tmp_path: Path) -> None:
    """As `guardtune serve` reads them."""
    settings = hosted_settings(_environ(tmp_path, KEYED) | {"GUARDTUNE_STRICT": "true"})
    assert settings.strict
    assert [key.id for key in settings.keys] == ["team-a"]


@pytest.mark.parametrize(
    ("config", "is_open"),
    [(KEYED, False), (f"{KEYED}metrics_open: true\n", True), ("insecure: true\n", False)],
)
def test_metrics_are_open_only_where_that_is_said(
    tmp_path: Path, config: str, *, is_open: bool
) -> None:
    """The default depends on the host, and that is the server's."""
    assert hosted_settings(_environ(tmp_path, config)).is_metrics_open is is_open


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_open_server_has_to_be_asked_for(tmp_path: Path, host: str) -> None:
    """Whatever host the file has: nobody listens there."""
    environ = _environ(tmp_path, f"host: {host}\nworkers: 2\n")
    with pytest.raises(SettingsError) as caught:
        hosted_settings(environ)
    assert [problem.path for problem in caught.value.problems] == ["workers", "keys"]
    assert hosted_settings({"GUARDTUNE_INSECURE": "true"}).insecure


def test_environment_of_the_process_makes_an_application(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is loaded for that yet."""
    config = (
        f"{KEYED}policies: {tmp_path / 'policies'}\nmodels: [{{name: fake, backend: scripted}}]\n"
    )
    for name, value in _environ(tmp_path, config).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(logging, "basicConfig", lambda **_: None)
    assert asyncio.run(call(create(), path="/health")).status == 200


async def _lived(app: Hosted, stop: asyncio.Event) -> list[str]:
    """Start it, stop it once `stop` is set, and return what it said."""
    said: list[str] = []
    asked = iter(["startup", "shutdown"])

    async def receive() -> Message:
        what = next(asked)
        if what == "shutdown":
            await stop.wait()
        return {"type": f"lifespan.{what}"}

    async def send(message: Message) -> None:
        said.append(" ".join(str(value) for value in message.values()))
        stop.set()

    await app({"type": "lifespan"}, receive, send)
    return said


def test_start_is_over_once_everything_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And stopping closes what was started."""
    settled: list[bool] = []
    proxy = assemble(tmp_path)
    models = proxy.service.parts.models
    monkeypatch.setattr("proxy.serve.asgi.settle", lambda: settled.append(not models.loading))
    said = asyncio.run(_lived(Hosted(proxy.app, proxy.service), asyncio.Event()))
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert settled == [True]


def test_start_fails_with_the_model(tmp_path: Path) -> None:
    """The server is told why, and ends."""
    missing = tmp_path / "none.gguf"
    config = LlamaCppConfig(name="m", path=str(missing))
    proxy = assemble(tmp_path, [LocalBackend(config)])
    (said,) = asyncio.run(_lived(Hosted(proxy.app, proxy.service), asyncio.Event()))
    assert said.startswith("lifespan.startup.failed ")
    assert str(missing) in said
