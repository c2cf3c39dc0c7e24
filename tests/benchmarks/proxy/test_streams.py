"""Clients of streams, against the mock in the same event loop."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.proxy import mock, streams
from benchmarks.proxy.processes import ContenderError
from benchmarks.proxy.streams import Seen, Streams, summed_up


def test_every_delta_of_every_stream_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """One stream after the other on each connection."""
    monkeypatch.setattr(mock, "DELTA_EVERY_S", 0.0)

    async def main() -> Seen:
        loop = asyncio.get_running_loop()
        async with await loop.create_server(mock.Upstream, "127.0.0.1", 0) as server:
            return await streams._streams(server.sockets[0].getsockname()[1], 3, 2)

    seen = asyncio.run(main())
    assert (seen.failure, seen.n_whole, len(seen.ttft_s)) == ("", 6, 6)
    # The last frame has an empty delta of its own.
    assert seen.n_deltas == 6 * (mock.N_DELTAS + 1)


def test_figures_are_of_all_streams() -> None:
    """The longest gap decides whether one stood still."""
    seen = Seen([0.001, 0.003], [0.02, 0.25], n_deltas=100, n_whole=2)
    found = summed_up("raw", seen, 0.01, n_wanted=2)
    assert found == Streams(2.0, 3.0, 250.0, 100, 100.0)
    assert found.has_stall


@pytest.mark.parametrize("seen", [Seen(failure="answered 503"), Seen(n_whole=1)])
def test_a_run_that_lost_streams_is_worth_nothing(seen: Seen) -> None:
    """It would look fast."""
    with pytest.raises(ContenderError, match="raw"):
        summed_up("raw", seen, 0.01, n_wanted=2)
