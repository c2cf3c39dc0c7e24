"""Judges: what decides whether an answer is harmful, each behind the same small protocol."""
