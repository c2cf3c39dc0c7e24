"""Policy files as text: read with everything they refer to, and written back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from proxy.errors import Problem
from proxy.policy.diagnostics import validate
from proxy.policy.document import Document, read_yaml
from proxy.policy.files import UnreadableError, decode_text, read_bounded
from proxy.policy.schema import PASSTHROUGH, Policy
from proxy.policy.wording import shown

__all__ = ["dump_policy", "load_policy", "read_yaml"]

_LINE_BREAKS = frozenset("\x85\u2028\u2029")
_AT_FILE = ("system_prompt", "file")


def load_policy(path: Path, *, root: Path, text: str | bytes | None = None) -> Policy:
    """Return the policy of a file, with ``file:`` replaced by that file's text.

    Args:
        path: the policy file, named in every problem as given here.
        root: the policy folder; ``file:`` cannot leave it.
        text: the policy file's content, if it was read already.

    Raises:
        PolicyError: with every mistake in the file.
    """
    document = read_yaml(path, text=text)
    document = _check_name(_resolve(document, folder=path.parent, root=root))
    return validate(document, Policy)


def dump_policy(policy: Policy) -> str:
    """Return the policy as YAML that loads to the same identity; texts in block style."""
    data = policy.model_dump(mode="json", exclude_defaults=True)
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def _check_name(document: Document) -> Document:
    if not isinstance(document.data, Mapping) or document.data.get("name") != PASSTHROUGH.name:
        return document
    message = f"`{PASSTHROUGH.name}` is reserved for requests without a policy. Choose another."
    return _with(document, document.problem(("name",), message))


def _resolve(document: Document, *, folder: Path, root: Path) -> Document:
    prompt = document.data.get("system_prompt") if isinstance(document.data, Mapping) else None
    if not isinstance(prompt, Mapping):
        return document
    if "file" not in prompt:
        if "text" in prompt:
            return document
        message = "needs `text: …` or `file: …`."
        return _with_text(_with(document, document.problem(("system_prompt",), message)), "-")
    if "text" in prompt:
        message = "is given beside `text`. Keep one of the two."
        return _with_text(_with(document, document.problem(_AT_FILE, message)), prompt["text"])
    try:
        return _with_text(document, _referred_text(prompt["file"], folder=folder, root=root))
    except UnreadableError as error:
        problem = document.problem(_AT_FILE, f"{shown(prompt['file'])}: {error}")
        return _with_text(_with(document, problem), "-")


def _referred_text(given: Any, *, folder: Path, root: Path) -> str:
    if not isinstance(given, str) or not given:
        raise UnreadableError("a path is needed, relative to this policy file.")
    relative = PurePosixPath(given)
    if relative.is_absolute() or ".." in relative.parts or "\0" in given:
        raise UnreadableError("must be a path inside the policy folder, without `..`.")
    if any(part.startswith(".") for part in relative.parts):
        raise UnreadableError(
            "has a name that begins with a dot; edits of such files are not followed. Rename it."
        )
    path = folder / relative
    if not _is_inside(path, root):
        raise UnreadableError("leads out of the policy folder. Copy the file into it.")
    text = decode_text(read_bounded(path))
    if not text.strip():
        raise UnreadableError("holds no text.")
    return text


def _is_inside(path: Path, root: Path) -> bool:
    try:
        return path.resolve().is_relative_to(root.resolve())
    except RuntimeError as error:  # what Python 3.11 says of links in a circle
        raise UnreadableError("is a link that leads back to itself. Mend the link.") from error
    except (OSError, ValueError) as error:
        raise UnreadableError("is no path that a file can have.") from error


def _with(document: Document, problem: Problem) -> Document:
    return replace(document, problems=(*document.problems, problem))


def _with_text(document: Document, text: Any) -> Document:
    """Return the document with ``system_prompt.text`` in the place of ``file``."""
    prompt = {key: value for key, value in document.data["system_prompt"].items() if key != "file"}
    return replace(document, data={**document.data, "system_prompt": {**prompt, "text": text}})


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, so that people can read and edit them."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    if _LINE_BREAKS & set(text):  # outside double quotes PyYAML writes these as line ends
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)
