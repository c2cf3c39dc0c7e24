"""``guardtune serve``: one process that does it all, or a parent and its workers."""

from proxy.serve.command import main

__all__ = ["main"]
