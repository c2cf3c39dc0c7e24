"""Where an upstream listens: a URL, over TCP or a unix socket."""

from __future__ import annotations

from typing import Literal, NamedTuple

ClientChoice = Literal["auto", "lean", "aiohttp"]
"""Which HTTP client to reach a server with; ``auto`` takes the lean one wherever it can."""


class Endpoint(NamedTuple):
    """One address to send requests to; a tuple, because it is looked up with every request.

    Args:
        url: an absolute ``http://`` or ``https://`` URL. Over a unix socket its host is
            ``localhost`` and only its path matters.
        socket_path: the unix socket, or None for TCP.
        client: which client is to be used.
        ca_file: PEM file of the certificate authorities to trust for it; None for the system's.
    """

    url: str
    socket_path: str | None = None
    client: ClientChoice = "auto"
    ca_file: str | None = None

    @classmethod
    def parse(
        cls, base_url: str, *, client: ClientChoice = "auto", ca_file: str | None = None
    ) -> Endpoint:
        """Read a configured ``base_url``.

        Args:
            base_url: ``http://…``, ``https://…`` or ``unix:/path.sock``. A server on a unix socket
                has its routes under ``/v1``, since a path to it leaves no place to say otherwise.
            client: see `Endpoint`.
            ca_file: see `Endpoint`.

        Raises:
            ValueError: for any other scheme.
        """
        if base_url.startswith("unix:/"):
            return cls("http://localhost/v1", base_url.removeprefix("unix:"), client)
        if base_url.startswith(("http://", "https://")):
            return cls(base_url.rstrip("/"), None, client, ca_file)
        raise ValueError("must start with http://, https:// or unix:/")

    def at(self, path: str) -> Endpoint:
        """The same server, with ``path`` (it starts with a slash) behind the base."""
        return self._replace(url=self.url + path)
