"""What one would write instead: Starlette and aiohttp, without a policy's checks or any metrics.

It does the same to a request: decode it, put a system prompt first, set the temperature, forward.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.proxy.work import SYSTEM_PROMPT, TEMPERATURE

_URL = f"http://127.0.0.1:{os.environ.get('MOCK_PORT', '0')}/v1/chat/completions"


async def _chat(request: Request) -> Response:
    body = msgspec.json.decode(await request.body())
    first = body["messages"][0]
    first["content"] = f"{SYSTEM_PROMPT}\n\n{first['content']}"
    body["temperature"] = TEMPERATURE
    session: aiohttp.ClientSession = request.app.state.session
    async with session.post(
        _URL, data=msgspec.json.encode(body), headers={"content-type": "application/json"}
    ) as answer:
        return Response(await answer.read(), answer.status, media_type="application/json")


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), auto_decompress=False
    ) as app.state.session:
        yield


app = Starlette(routes=[Route("/v1/chat/completions", _chat, methods=["POST"])], lifespan=_lifespan)
