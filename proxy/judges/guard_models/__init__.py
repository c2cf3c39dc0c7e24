"""Guard models: each one's language as data and pure functions, and one judge that speaks it."""
