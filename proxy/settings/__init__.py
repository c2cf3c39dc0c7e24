"""The server's configuration: what may be set, and where it is read from."""

from proxy.settings.schema import Settings, resolve_keys
from proxy.settings.source import load_settings

__all__ = ["Settings", "load_settings", "resolve_keys"]
