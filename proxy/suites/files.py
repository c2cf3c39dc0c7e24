"""One file → one suite: read, check all rows, count them against what was published, split."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
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
        pattern: of the files that are its parts where the path is a folder; empty where a folder
            is none of this kind.
    """

    read: Reader
    title: str
    licence: str = "unknown"
    source: str = "a file of your own"
    published_n: int | None = None
    pattern: str = ""


def load_file(path: Path, form: Format, *, suite: str) -> Suite:
    """The suite in one file, or in a folder of parts.

    Args:
        path: the file, UTF-8, or the folder.
        form: how it is read, and what was published about it.
        suite: the suite's id.

    Raises:
        SuiteError: the file cannot be read, or all that is wrong with it.
    """
    parts = [read_file(part, form.source) for part in _parts(path, form)]
    content = _merged([(part.path, form.read(part.text, str(part.path))) for part in parts])
    prompts, problems = check(
        content, file=str(path), suite=suite, allows_repeats=form.published_n is not None
    )
    n_rows = len(content.rows)
    problems += (*too_many(n_rows, form.published_n, path), *_split_problems(content, path))
    if problems:
        raise SuiteError(problems)
    return Suite(
        id=suite,
        items=_with_splits(prompts),
        sha256=hashlib.sha256(b"".join(part.data for part in parts)).hexdigest(),
        licence=form.licence,
        source=form.source,
        n_rows=n_rows,
        published_n=form.published_n,
    )


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file as read: its bytes, for their hash, and its text."""

    path: Path
    data: bytes
    text: str


def read_file(path: Path, source: str) -> TextFile:
    """A UTF-8 file, with or without a byte order mark.

    Args:
        path: the file.
        source: where outsiders get it, for the message where it is missing.

    Raises:
        SuiteError: it cannot be read as text.
    """
    data = _bytes(path, source)
    if path.suffix == ".parquet":
        message = (
            "Parquet is not read here; write it as JSON lines first, with pandas say: "
            "`pandas.read_parquet(…).to_json(…, orient='records', lines=True)`."
        )
        raise SuiteError((Problem(str(path), message),))
    try:
        return TextFile(path, data, data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8."
        raise SuiteError((Problem(str(path), message, line),)) from error


def too_many(n_rows: int, published_n: int | None, path: Path) -> tuple[Problem, ...]:
    """The problem of more rows than were published, if they are more."""
    if published_n is None or n_rows <= published_n:
        return ()
    message = (
        f"{n_rows} rows, but {published_n} were published, so this is another set; "
        "load a changed copy under a name of your own, as jsonl:PATH or csv:PATH."
    )
    return (Problem(str(path), message),)


def _bytes(path: Path, source: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        remedy = f"no such file. Check the path, or get it from {source}."
        raise SuiteError((Problem(str(path), remedy),)) from error
    except IsADirectoryError as error:
        message = f"is a folder, and this suite is one file. Give its path; it comes from {source}."
        raise SuiteError((Problem(str(path), message),)) from error
    except OSError as error:
        message = f"cannot be read: {error.strerror}. Give a file that you may read."
        raise SuiteError((Problem(str(path), message),)) from error


def _parts(path: Path, form: Format) -> list[Path]:
    """The file itself, or a folder's parts by name."""
    if not (form.pattern and path.is_dir()):
        return [path]
    parts = sorted(path.glob(form.pattern))
    if not parts:
        message = f"no {form.pattern} in this folder. Check the path, or get it from {form.source}."
        raise SuiteError((Problem(str(path), message),))
    return parts


def _merged(parts: list[tuple[Path, Content]]) -> Content:
    if len(parts) == 1:
        return parts[0][1]
    rows = (replace(row, file=str(path)) for path, content in parts for row in content.rows)
    problems = (problem for _, content in parts for problem in content.problems)
    return Content(tuple(rows), tuple(problems))


def _split_problems(content: Content, path: Path) -> tuple[Problem, ...]:
    """The problem of splits on some of the rows only, if there is one."""
    without = [row.line for row in content.rows if row.split is None]
    if not 0 < len(without) < len(content.rows):
        return ()
    rows = "1 row has" if len(without) == 1 else f"{len(without)} rows have"
    message = f"{rows} no split, though others have one; give all a split or none."
    return (Problem(str(path), message, without[0]),)


def _with_splits(prompts: tuple[Prompt, ...]) -> tuple[Prompt, ...]:
    has_splits = all(prompt.split is not None for prompt in prompts)
    return prompts if has_splits else assign(prompts)
