"""Starting the server: what is said before it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.serve import command, listener
from proxy.settings import Settings
from tests.edge import assemble, write_policy


def test_every_mistake_of_the_configuration_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nothing is started."""
    path = tmp_path / "c.yaml"
    path.write_text("hots: a\nlimits: {max_queued: -1}\n", encoding="utf-8")
    assert command.main(["--config", str(path), "--port", "70000"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert [line.partition(": ")[0] for line in said] == [
        f"{path}:1", f"{path}:2", "--port", "3 problems; not started.",
    ]  # fmt: skip


def test_host_beyond_loopback_without_keys_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Unless it is asked for."""
    assert command.main(["--host", "0.0.0.0"]) == 2
    assert "--insecure" in capsys.readouterr().err
    arguments = command.parser().parse_args(["--host", "0.0.0.0", "--insecure"])
    assert command.read_settings(arguments, {}).insecure


@pytest.mark.parametrize(
    ("arguments", "environ", "said"),
    [
        (["--workers", "0"], {}, "--workers: "),
        (["--workers", "65"], {}, "--workers: "),
        ([], {"GUARDTUNE_WORKERS": "many"}, "GUARDTUNE_WORKERS: "),
    ],
)
def test_number_of_workers_makes_sense(
    arguments: list[str], environ: dict[str, str], said: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """From 1 to 64, wherever it is said."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert command.main(arguments) == 2
    assert capsys.readouterr().err.startswith(said)


def test_workers_can_be_set_by_flag_and_variable() -> None:
    """The flag wins."""
    environ = {"GUARDTUNE_WORKERS": "3"}
    assert command.read_settings(command.parser().parse_args([]), environ).workers == 3
    arguments = command.parser().parse_args(["--workers", "2"])
    assert command.read_settings(arguments, environ).workers == 2


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/models/My Model (v2).Q4_K_M.gguf", "My-Model-v2-.Q4_K_M"),
        ("a.gguf", "a"),
        ("...gguf", "model"),
    ],
)
def test_model_flag_serves_a_file_under_its_name(path: str, name: str) -> None:
    """Whatever the file is called, the name is one that a request can ask for."""
    settings = command.read_settings(command.parser().parse_args(["--model", path]), {})
    assert [model.name for model in settings.models] == [name]


def test_banner_says_where_what_and_under_which_policies(tmp_path: Path) -> None:
    """What a person wants to know first."""
    write_policy(tmp_path, "careful")
    proxy = assemble(tmp_path)
    settings = Settings.model_validate({"models": [{"name": "fake", "backend": "scripted"}]})
    with listener.listen("127.0.0.1", 0) as listening:
        text = command.banner(settings, proxy.service, listening)
        port = listening.getsockname()[1]
    (policy,) = proxy.service.parts.policies.store.snapshot.policies
    assert f"http://127.0.0.1:{port}/v1" in text
    assert "fake (scripted)" in text
    assert str(policy.ref) in text
    assert "problems" not in text
    assert "workers" not in text


def test_banner_counts_problems_and_says_when_nothing_guards(tmp_path: Path) -> None:
    """A server without a policy must not look like one with."""
    write_policy(tmp_path, "careful", "nonsense: 1\n")
    proxy = assemble(tmp_path)
    with listener.listen("127.0.0.1", 0) as listening:
        text = command.banner(Settings(), proxy.service, listening)
    assert "pass through unchanged" in text
    assert "problems  1 in policies" in text


def test_banner_says_how_many_workers_there_are(tmp_path: Path) -> None:
    """Where it is more than the server itself."""
    write_policy(tmp_path, "careful")
    with listener.listen("127.0.0.1", 0) as listening:
        text = command.banner(Settings(workers=2), assemble(tmp_path).service, listening)
    assert "workers   2" in text
