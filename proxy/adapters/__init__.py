"""Policies inside other people's servers: no hop more, and the same code as in the proxy."""
