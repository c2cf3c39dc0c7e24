"""The routes of OpenAI's wire that we know, as clients ask for them."""

from __future__ import annotations

PREFIX = "/v1"

CHAT_PATH = "/v1/chat/completions"
COMPLETIONS_PATH = "/v1/completions"
RESPONSES_PATH = "/v1/responses"
EMBEDDINGS_PATH = "/v1/embeddings"
