"""One file → one suite: read, check all rows, count them against what was published, split."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from proxy.domain import Prompt
from proxy.errors import Problem, SuiteError
from proxy.suites.rows import Content, Reader, check
from proxy.suites.splits import assign
from proxy.suites.suite import Suite


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file that can be loaded.

    Args:
        read: file text → rows.
        title: one line for `suite list`.
        licence: of the prompts, as published.
        source: where outsiders get the file.
        published_n: its rows as published; None for files of the user's own, in which repeats are
            a mistake. Published sets have a few, and they are dropped.
    """

    read: Reader
    title: str
    licence: str = "unknown"
    source: str = "a file of your own"
    published_n: int | None = None


def load_file(path: Path, form: Format, *, suite: str, seed: int = 0) -> Suite:
    """The suite in one file.

    Args:
        path: the file, UTF-8.
        form: how it is read, and what was published about it.
        suite: the suite's id.
        seed: of the splits, where the file brings none of its own.

    Raises:
        SuiteError: the file cannot be read, or all that is wrong with it.
    """
    data = _read(path, form)
    content = form.read(_decode(data, path), str(path))
    prompts, problems = check(
        content, file=str(path), suite=suite, allows_repeats=form.published_n is not None
    )
    problems += _file_problems(content, form, path)
    if problems:
        raise SuiteError(problems)
    return Suite(
        id=suite,
        prompts=_with_splits(prompts, seed),
        sha256=hashlib.sha256(data).hexdigest(),
        licence=form.licence,
        source=form.source,
        n_rows=len(content.rows),
        published_n=form.published_n,
    )


def _read(path: Path, form: Format) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        remedy = f"no such file. Check the path, or get it from {form.source}."
        raise SuiteError((Problem(str(path), remedy),)) from error
    except OSError as error:
        message = f"cannot be read: {error.strerror}. Give a file that you may read."
        raise SuiteError((Problem(str(path), message),)) from error


def _decode(data: bytes, path: Path) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8."
        raise SuiteError((Problem(str(path), message, line),)) from error


def _file_problems(content: Content, form: Format, path: Path) -> tuple[Problem, ...]:
    """What is wrong with the rows taken together."""
    problems = []
    n_rows = len(content.rows)
    if form.published_n is not None and n_rows > form.published_n:
        message = (
            f"{n_rows} rows, but {form.published_n} were published, so this is another set; "
            "load a changed copy as jsonl:PATH."
        )
        problems.append(Problem(str(path), message))
    without = [row.line for row in content.rows if row.split is None]
    if 0 < len(without) < n_rows:
        message = (
            f"{len(without)} rows have no split, though others have one; give all a split or none."
        )
        problems.append(Problem(str(path), message, without[0]))
    return tuple(problems)


def _with_splits(prompts: tuple[Prompt, ...], seed: int) -> tuple[Prompt, ...]:
    has_splits = all(prompt.split is not None for prompt in prompts)
    return prompts if has_splits else assign(prompts, seed=seed)
