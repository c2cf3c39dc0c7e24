"""OpenAI's wire format at our edge: bytes become a ChatRequest, errors become error bodies."""
