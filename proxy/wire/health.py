"""The bodies of ``/health`` and ``/ready``, and of a page whose process does not answer."""

from __future__ import annotations

from typing import Literal

import msgspec


class Health(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the process is.

    Args:
        status: ``ok`` from ``/health``, the next two from ``/ready``; ``unavailable`` where another
            process of the same server had to be asked.
        models: served names of those that are not there yet.
    """

    status: Literal["ok", "ready", "loading", "unavailable"]
    models: tuple[str, ...] = ()
