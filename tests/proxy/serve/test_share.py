"""A worker's share of the server's settings."""

from __future__ import annotations

import pytest

from proxy.serve.share import share_of
from proxy.settings import Settings


@pytest.mark.parametrize(("whole", "workers", "share"), [(64, 2, 32), (5, 2, 3), (4, 4, 1)])
def test_limits_are_of_all_workers_together(whole: int, workers: int, share: int) -> None:
    """Rounded up, so that nobody gets nothing."""
    settings = Settings.model_validate(
        {
            "workers": workers,
            "limits": {"max_in_flight": whole, "max_queued": whole},
            "judging": {"max_queued": whole, "workers": whole},
        }
    )
    own = share_of(settings)
    assert (own.limits.max_in_flight, own.limits.max_queued) == (share, share)
    assert (own.judging.max_queued, own.judging.workers) == (share, share)


def test_no_queue_stays_no_queue() -> None:
    """0 turns away at once."""
    settings = Settings.model_validate({"workers": 2, "limits": {"max_queued": 0}})
    assert share_of(settings).limits.max_queued == 0


def test_workers_do_not_probe() -> None:
    """One process does, with one history."""
    settings = Settings.model_validate({"workers": 2, "probing": {"history_file": "h"}})
    own = share_of(settings)
    assert own.probed_models == ()
    assert own.probing.history_file is None
    assert own.keys == settings.keys
