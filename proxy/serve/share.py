"""What a worker gets of the server's settings: its share of what is bounded, and no probes."""

from __future__ import annotations

from math import ceil

from proxy.settings import Settings


def share_of(settings: Settings) -> Settings:
    """Return the settings of one of the workers; the shares add up to the whole or a little more.

    Args:
        settings: of the whole server.
    """

    def share(amount: int) -> int:
        return ceil(amount / settings.workers)

    limits, judging, probing = settings.limits, settings.judging, settings.probing
    return settings.model_copy(
        update={
            "limits": limits.model_copy(
                update={
                    "max_in_flight": share(limits.max_in_flight),
                    "max_queued": share(limits.max_queued),
                }
            ),
            "judging": judging.model_copy(
                update={
                    "max_queued": share(judging.max_queued),
                    "workers": share(judging.workers),
                }
            ),
            # The parent's, and so is their history.
            "probing": probing.model_copy(update={"enabled": False, "history_file": None}),
        }
    )
