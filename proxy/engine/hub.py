"""Weights by Hugging Face id: ``hf:owner/repo/file.gguf``, downloaded once into the hub's cache."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

PREFIX = "hf:"

_FORM = re.compile(r"hf:(?P<repo>[^/@\s]+/[^/@\s]+)(@(?P<revision>[^/\s]+))?/(?P<file>\S+\.gguf)")
_MAX_REASON_CHARS = 200


class HubError(Exception):
    """The file cannot be had from the hub; says why and what to do."""


class HubFile(NamedTuple):
    """A file of a repository; without a revision, its main branch as of the first download."""

    repo: str
    revision: str | None
    file: str


def parse(path: str) -> HubFile:
    """Read ``hf:owner/repo/file.gguf`` or ``hf:owner/repo@revision/file.gguf``.

    Raises:
        HubError: it has another form.
    """
    match = _FORM.fullmatch(path)
    if match is None:
        raise HubError(
            f"{path}: must be hf:OWNER/REPO/FILE.gguf or hf:OWNER/REPO@REVISION/FILE.gguf."
        )
    return HubFile(match["repo"], match["revision"], match["file"])


def fetch(path: str) -> Path:
    """The local file behind ``hf:…``; a file that was downloaded before needs no network.

    Raises:
        HubError: wrong form, huggingface_hub is missing, no network, or no such file.
    """
    wanted = parse(path)
    if find_spec("huggingface_hub") is None:
        raise HubError(
            f"{path}: the package huggingface_hub is missing. Run: pip install huggingface_hub"
        )
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return _download(wanted, is_local=True)
    except LocalEntryNotFoundError:
        pass
    try:
        return _download(wanted, is_local=False)
    except LocalEntryNotFoundError as error:
        raise HubError(
            f"{path}: not downloaded yet, and the hub cannot be reached. Connect this machine, or "
            "copy the file here and give its path."
        ) from error
    # Its HTTP client raises whatever it likes midway; all of it means that there is no file.
    except Exception as error:
        reason = str(error).partition("\n")[0][:_MAX_REASON_CHARS]
        raise HubError(
            f"{path}: {reason or type(error).__name__}. Check owner, repository and file name; "
            "a gated repository needs the variable HF_TOKEN."
        ) from error


def _download(wanted: HubFile, *, is_local: bool) -> Path:
    from huggingface_hub import hf_hub_download

    return Path(
        hf_hub_download(
            wanted.repo, wanted.file, revision=wanted.revision, local_files_only=is_local
        )
    )
