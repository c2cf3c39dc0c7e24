"""Weights by Hugging Face id, without a network."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.engine import hub
from proxy.engine.hub import HubError, HubFile, fetch, parse

ID = "hf:owner/repo/file.gguf"


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        (ID, HubFile("owner/repo", None, "file.gguf")),
        ("hf:owner/repo@v1.0/q4/file.gguf", HubFile("owner/repo", "v1.0", "q4/file.gguf")),
    ],
)
def test_id_names_repository_revision_and_file(path: str, wanted: HubFile) -> None:
    """A revision keeps a model from changing under its policies."""
    assert parse(path) == wanted


@pytest.mark.parametrize("path", ["hf:file.gguf", "hf:owner/repo", "hf:owner/repo/file.bin", "hf:"])
def test_other_forms_are_refused_with_the_right_one(path: str) -> None:
    """Before anything is asked for."""
    with pytest.raises(HubError, match=r"hf:OWNER/REPO/FILE\.gguf"):
        fetch(path)


def test_missing_package_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes along with litellm, but need not be there."""
    monkeypatch.setattr(hub, "find_spec", lambda _: None)
    with pytest.raises(HubError, match="pip install huggingface_hub"):
        fetch(ID)


def test_downloaded_file_needs_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache is asked first, and that is all."""
    asked: list[bool] = []

    def download(_wanted: HubFile, *, is_local: bool) -> Path:
        asked.append(is_local)
        return tmp_path

    monkeypatch.setattr(hub, "_download", download)
    assert fetch(ID) == tmp_path
    assert asked == [True]


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        ("offline", "not downloaded yet, and the hub cannot be reached"),
        ("404 Client Error\nand more", r"hf:owner/repo/file.gguf: 404 Client Error\. Check owner"),
    ],
)
def test_failure_says_what_to_do(
    failure: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Offline, or wrong."""
    errors = pytest.importorskip("huggingface_hub.errors")

    def download(_wanted: HubFile, *, is_local: bool) -> Path:
        if is_local or failure == "offline":
            raise errors.LocalEntryNotFoundError("not here")
        raise OSError(failure)

    monkeypatch.setattr(hub, "_download", download)
    with pytest.raises(HubError, match=message):
        fetch(ID)


def test_real_package_is_called_in_a_way_that_it_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its offline mode keeps this off the network."""
    pytest.importorskip("huggingface_hub")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(HubError, match="hub cannot be reached"):
        fetch("hf:owner/surely-no-such-repository/file.gguf")
