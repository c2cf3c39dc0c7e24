"""The routes: `chat` is plain ASGI because every answer goes through it, the others are small."""
