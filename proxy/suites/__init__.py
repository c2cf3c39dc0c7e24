"""Prompt sets: the built-in one, loaders for those people already have, and how they are split."""
