"""Reading small files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from proxy.policy.files import MAX_BYTES, UnreadableError, decode_text, read_bounded


def test_a_file_of_the_largest_size_is_read(tmp_path: Path) -> None:
    """The limit itself is allowed."""
    (tmp_path / "a").write_bytes(b"x" * MAX_BYTES)
    assert len(read_bounded(tmp_path / "a")) == MAX_BYTES


def test_what_is_no_readable_file_says_why(tmp_path: Path) -> None:
    """Missing, a folder, a pipe, a link to nowhere, too large."""
    (tmp_path / "large").write_bytes(b"x" * (MAX_BYTES + 1))
    (tmp_path / "link").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    reasons = {
        "missing": "no such file",
        "link": "no such file",
        "pipe": "not a regular file",
        ".": "not a regular file",
        "large": "larger than",
    }
    for name, reason in reasons.items():
        with pytest.raises(UnreadableError, match=reason):
            read_bounded(tmp_path / name)


def test_a_name_too_long_for_the_system_is_an_unreadable_file(tmp_path: Path) -> None:
    """Any refusal of the system is reported, none escapes."""
    with pytest.raises(UnreadableError, match="cannot be read"):
        read_bounded(tmp_path / ("x" * 5000))


def test_text_loses_byte_order_mark_and_carriage_returns() -> None:
    """Editors on Windows write both."""
    assert decode_text(b"\xef\xbb\xbfa\r\nb") == "a\nb"


def test_text_that_is_not_utf_8_names_the_line() -> None:
    """So that the character can be found."""
    with pytest.raises(UnreadableError, match="0xe9") as caught:
        decode_text(b"a\nb\ncaf\xe9")
    assert caught.value.line == 3
