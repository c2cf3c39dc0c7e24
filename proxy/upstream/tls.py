"""How the servers behind us prove who they are."""

from __future__ import annotations

import ssl
from functools import lru_cache


@lru_cache(maxsize=32)
def tls_context(ca_file: str | None = None) -> ssl.SSLContext:
    """A context that verifies certificates and host names; reading the CAs takes some 20 ms, once.

    Args:
        ca_file: PEM file of the certificate authorities to trust instead of the system's.

    Raises:
        OSError: the file cannot be read or holds no certificate.
    """
    context = ssl.create_default_context(cafile=ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context
