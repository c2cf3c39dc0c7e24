"""Prompts under policies become judged answers: run, store, and what may be said of them."""
