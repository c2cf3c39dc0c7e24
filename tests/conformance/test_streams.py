"""Every shape of stream reaches the client as it did, and the judge; see `streams`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.conformance.streams import GOLDEN, SENT, STREAMS, Stream, recorded

# litellm walks over pydantic's deprecated attributes while it merges chunks.
pytestmark = pytest.mark.filterwarnings("ignore:Accessing the 'model_:DeprecationWarning")


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.file.stem)
def test_stream_is_what_it_was(tmp_path: Path, stream: Stream) -> None:
    """Frame for frame; from a server behind the proxy, byte for byte what it sent."""
    text, body = asyncio.run(recorded(stream, tmp_path))
    assert text == stream.file.read_text("utf-8")
    if stream.backend == "passed":
        assert body.decode() == SENT[stream.path][stream.shape]


def test_there_is_a_file_for_every_shape_and_no_other() -> None:
    """One that nobody compares with says nothing."""
    assert set(GOLDEN.iterdir()) == {stream.file for stream in STREAMS}
