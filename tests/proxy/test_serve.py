"""Starting the server: what is said before it runs."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from proxy import serve
from proxy.errors import SettingsError
from proxy.settings import Settings
from tests.edge import assemble, write_policy


def test_busy_port_is_told_at_once() -> None:
    """With the remedy."""
    with serve.listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(SettingsError, match=f"port {port} is in use") as caught:
            serve.listen("127.0.0.1", port)
    assert "--port" in str(caught.value)


def test_address_of_another_machine_is_refused() -> None:
    """192.0.2.1 is nobody's."""
    with pytest.raises(SettingsError, match="cannot listen there"):
        serve.listen("192.0.2.1", 0)


def test_every_mistake_of_the_configuration_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nothing is started."""
    path = tmp_path / "c.yaml"
    path.write_text("hots: a\nlimits: {max_queued: -1}\n", encoding="utf-8")
    assert serve.main(["--config", str(path), "--port", "70000"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert [line.partition(": ")[0] for line in said] == [
        f"{path}:1", f"{path}:2", "--port", "3 problems; not started.",
    ]  # fmt: skip


def test_host_beyond_loopback_without_keys_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Unless it is asked for."""
    assert serve.main(["--host", "0.0.0.0"]) == 2
    assert "--insecure" in capsys.readouterr().err
    arguments = serve.parser().parse_args(["--host", "0.0.0.0", "--insecure"])
    assert serve.read_settings(arguments, {}).insecure


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
    settings = serve.read_settings(serve.parser().parse_args(["--model", path]), {})
    assert [model.name for model in settings.models] == [name]


def test_what_is_loaded_is_not_looked_through_again() -> None:
    """A full collection would hold every request up."""
    thresholds = gc.get_threshold()
    try:
        serve.settle()
        assert gc.get_freeze_count() > 0
        assert gc.get_threshold() > thresholds
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)


def test_banner_says_where_what_and_under_which_policies(tmp_path: Path) -> None:
    """What a person wants to know first."""
    write_policy(tmp_path, "careful")
    proxy = assemble(tmp_path)
    settings = Settings.model_validate({"models": [{"name": "fake", "backend": "scripted"}]})
    with serve.listen("127.0.0.1", 0) as listener:
        text = serve.banner(settings, proxy.service, listener)
        port = listener.getsockname()[1]
    (policy,) = proxy.service.parts.policies.store.snapshot.policies
    assert f"http://127.0.0.1:{port}/v1" in text
    assert "fake (scripted)" in text
    assert str(policy.ref) in text
    assert "problems" not in text


def test_banner_counts_problems_and_says_when_nothing_guards(tmp_path: Path) -> None:
    """A server without a policy must not look like one with."""
    write_policy(tmp_path, "careful", "nonsense: 1\n")
    proxy = assemble(tmp_path)
    with serve.listen("127.0.0.1", 0) as listener:
        text = serve.banner(Settings(), proxy.service, listener)
    assert "pass through unchanged" in text
    assert "problems  1 in policies" in text
