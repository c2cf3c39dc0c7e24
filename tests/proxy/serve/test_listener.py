"""Sockets to listen on: mistakes told at once, and one for each of several workers."""

from __future__ import annotations

import socket
import sys

import pytest

from proxy.errors import SettingsError
from proxy.serve.listener import another, listen, reserve


def test_busy_port_is_told_at_once() -> None:
    """With the remedy."""
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(SettingsError, match=f"port {port} is in use") as caught:
            listen("127.0.0.1", port)
    assert "--port" in str(caught.value)


def test_address_of_another_machine_is_refused() -> None:
    """192.0.2.1 is nobody's."""
    with pytest.raises(SettingsError, match="cannot listen there"):
        listen("192.0.2.1", 0)


def test_workers_listen_side_by_side_on_the_reserved_port() -> None:
    """Each on a socket of its own; the reserved one takes no connection."""
    with reserve("127.0.0.1", 0) as reserved:
        address = reserved.getsockname()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)
        with another(reserved) as first, another(reserved) as second:
            assert first.getsockname() == second.getsockname() == address
            for worker in (first, second):
                worker.listen()
            socket.create_connection(address).close()


def test_second_server_does_not_share_a_port_by_mistake() -> None:
    """Neither one of a single process nor one with workers."""
    with reserve("127.0.0.1", 0) as reserved, another(reserved) as worker:
        worker.listen()
        port = reserved.getsockname()[1]
        for take in (listen, reserve):
            with pytest.raises(SettingsError, match="in use"):
                take("127.0.0.1", port)


def test_other_systems_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """They would send every connection to one worker."""
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SettingsError, match="Linux"):
        reserve("127.0.0.1", 0)
