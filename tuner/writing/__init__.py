"""Texts for the system prompt that another model writes while a search goes on; off by default."""
