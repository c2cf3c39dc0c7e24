"""Backends: what answers a chat request, each behind the same small protocol."""
