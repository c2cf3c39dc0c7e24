"""GuardTune's proxy: an OpenAI-compatible server that applies the active policy to each request."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("guardtune")
except PackageNotFoundError:  # run from a checkout that was never installed
    __version__ = "0+unknown"
