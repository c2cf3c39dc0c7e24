"""GuardTune's proxy: an OpenAI-compatible server that applies the active policy to every request."""
