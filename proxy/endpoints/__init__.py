"""The routes: `answers` is plain ASGI because all answers go through it, the others are small."""
